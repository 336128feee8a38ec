"""What is written with every message no longer locks its tenant's row.

Each such row looked its tenant up and locked it against removal: thousands at once the same row, and each such crowd is
written down too. No tenant can be removed (nobody has DELETE on the table), and the policies let nobody write a row of
another tenant than the transaction's, as with the tables of groups, which never had the key.
"""

from migrations.scripts import run_script

revision = "0010"
down_revision = "0009"

KEYS = """
ALTER TABLE inbox DROP CONSTRAINT inbox_tenant_id_fkey;
ALTER TABLE outbox DROP CONSTRAINT outbox_tenant_id_fkey;
ALTER TABLE questions DROP CONSTRAINT questions_tenant_id_fkey;
"""


def upgrade() -> None:
    """Drop the keys."""
    run_script(KEYS)
