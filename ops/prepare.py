"""`python -m ops.prepare`: brings the database's schema up to date and makes the first tenant.

One process for both, because most of the time of either is spent on importing the same things. Repeating it
changes nothing. Without EQUB_DATABASE_OWNER_URL the schema is left to whoever has it.
"""

from __future__ import annotations

import asyncio
import os

from alembic import command
from alembic.config import Config

from core.operator.bootstrap import bootstrap
from ops.environment import ROOT


def main() -> None:
    """Raises what goes wrong; the last line of that is what people are shown."""
    if os.environ.get("EQUB_DATABASE_OWNER_URL"):
        command.upgrade(Config(toml_file=ROOT / "pyproject.toml"), "head")
    asyncio.run(bootstrap())


if __name__ == "__main__":
    main()
