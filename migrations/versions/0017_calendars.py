"""By which calendar and clock somebody reads, where it is not what their language counts by."""

from migrations.scripts import run_script

revision = "0017"
down_revision = "0016"

COLUMNS = """
ALTER TABLE people ADD calendar text CHECK (calendar IN ('ethiopian', 'gregorian'));
"""


def upgrade() -> None:
    """Add the choice; nobody has made one yet."""
    run_script(COLUMNS)
