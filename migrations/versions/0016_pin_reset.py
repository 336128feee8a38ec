"""A forgotten PIN: until when it may be set without the old one, and until when what was set so confirms nothing."""

from migrations.scripts import run_script

revision = "0016"
down_revision = "0015"

COLUMNS = """
ALTER TABLE people
    ADD COLUMN pin_reset_until timestamptz,
    ADD COLUMN pin_unproven_until timestamptz;
"""


def upgrade() -> None:
    """Widen people."""
    run_script(COLUMNS)
