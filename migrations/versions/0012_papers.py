"""Papers that people asked for: kept until they expire, so that whoever gets one gets the same one again."""

from migrations.scripts import run_script

revision = "0012"
down_revision = "0011"

TABLES = """
-- token: the keyed hash of a link's, where the paper is fetched rather than attached. content: once it was made.
CREATE TABLE papers (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    group_id uuid NOT NULL,
    person_id uuid NOT NULL,
    token bytea UNIQUE,
    kind text NOT NULL CHECK (kind IN ('statement', 'book', 'circle')),
    member integer,
    language text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    made_at timestamptz,
    content bytea,
    opened integer NOT NULL DEFAULT 0,
    CHECK ((made_at IS NULL) = (content IS NULL))
);
CREATE INDEX papers_by_person ON papers (tenant_id, person_id, created_at);
CREATE INDEX papers_to_drop ON papers (tenant_id, expires_at);
"""

SAFETY = """
GRANT SELECT, INSERT, UPDATE, DELETE ON papers TO equb_app;
ALTER TABLE papers ENABLE ROW LEVEL SECURITY;
ALTER TABLE papers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON papers
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

-- Whoever follows a link is of no tenant yet. Nothing of the paper itself is seen across tenants.
GRANT SELECT (tenant_id, id, token) ON papers TO equb_scan;
CREATE POLICY scan ON papers FOR SELECT TO equb_scan USING (true);
CREATE FUNCTION find_paper(wanted bytea) RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT p.tenant_id, p.id FROM papers p WHERE p.token = wanted $$;
REVOKE ALL ON FUNCTION find_paper(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_paper(bytea) TO equb_app;
GRANT CREATE ON SCHEMA public TO equb_scan;
ALTER FUNCTION find_paper(bytea) OWNER TO equb_scan;
REVOKE CREATE ON SCHEMA public FROM equb_scan;
"""


def upgrade() -> None:
    """Make the table and the way from a link to it."""
    run_script(TABLES)
    run_script(SAFETY)
