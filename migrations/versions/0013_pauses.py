"""Pauses of a running cycle: a time in which no round falls due."""

from migrations.scripts import run_script

revision = "0013"
down_revision = "0012"

TABLES = """
-- No round falls due from from_on until until_on, the first day that is free again, or ended_on where it was ended.
CREATE TABLE pauses (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    cycle integer NOT NULL,
    from_on date NOT NULL,
    until_on date NOT NULL,
    reason text NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    ended_on date,
    ended_at timestamptz,
    PRIMARY KEY (group_id, id),
    CHECK (until_on > from_on),
    CHECK (ended_on >= from_on),
    CHECK ((ended_on IS NULL) = (ended_at IS NULL))
);
"""

SAFETY = """
GRANT SELECT, INSERT, UPDATE ON pauses TO equb_app;
ALTER TABLE pauses ENABLE ROW LEVEL SECURITY;
ALTER TABLE pauses FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON pauses
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    """Make the table."""
    run_script(TABLES)
    run_script(SAFETY)
