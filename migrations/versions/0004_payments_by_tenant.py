"""Payments of a whole tenant, and a payment by its id alone: what administrators ask for."""

from migrations.scripts import run_script

revision = "0004"
down_revision = "0003"

INDEXES = """
CREATE INDEX payments_by_tenant ON payments (tenant_id, id);
"""


def upgrade() -> None:
    """Make the index."""
    run_script(INDEXES)
