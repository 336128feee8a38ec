"""Paper books that are brought in: what was understood of a file, the group that it became, and who undid it.

A group that was undone is nobody's any more. What a file held is sealed: it names people and their phones.
"""

from migrations.scripts import run_script

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE imports (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    code text NOT NULL,
    status text NOT NULL CHECK (status IN ('previewed', 'committed', 'undone', 'forgotten')),
    file_name text NOT NULL,
    file_hash text NOT NULL,
    lines integer NOT NULL,
    errors integer NOT NULL,
    warnings integer NOT NULL,
    content bytea,
    report bytea,
    group_id uuid,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    committed_at timestamptz,
    committed_by text,
    undone_at timestamptz,
    undone_by text,
    UNIQUE (tenant_id, code),
    CHECK ((group_id IS NULL) = (committed_at IS NULL))
);
CREATE INDEX imports_by_tenant ON imports (tenant_id, id);

ALTER TABLE groups DROP CONSTRAINT groups_status_check;
ALTER TABLE groups ADD CHECK (status IN ('forming', 'running', 'closed', 'cancelled', 'undone'));
"""

SAFETY = """
GRANT SELECT, INSERT, UPDATE ON imports TO equb_app;
ALTER TABLE imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE imports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON imports
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    """Make the table, and let a group be undone."""
    run_script(TABLES)
    run_script(SAFETY)
