"""From which round of which cycle on a version of the rules holds."""

from migrations.scripts import run_script

revision = "0008"
down_revision = "0007"

COLUMNS = """
ALTER TABLE rule_versions
    ADD COLUMN cycle integer NOT NULL DEFAULT 1,
    ADD COLUMN from_round integer NOT NULL DEFAULT 1 CHECK (from_round > 0);
"""


def upgrade() -> None:
    """Add the columns."""
    run_script(COLUMNS)
