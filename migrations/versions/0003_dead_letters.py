"""Work that failed for good, work that was begun and not ended, and what the ticker reads.

A dead letter is unique while it is open: the same work failing again counts up. A row of ``begun_work`` is a
run that has started; it goes when the run ends in any way but the death of its process, so that its ``times``
counts deaths. A message whose tenant cannot be told belongs to nobody and is seen only outside every tenant.
"""

from migrations.scripts import run_script

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    tenant_id uuid REFERENCES tenants,
    actor text NOT NULL,
    args jsonb NOT NULL,
    reason text NOT NULL,
    times integer NOT NULL DEFAULT 1 CHECK (times > 0),
    first_at timestamptz NOT NULL,
    at timestamptz NOT NULL,
    settled_at timestamptz
);
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (actor, md5(args::text)) WHERE settled_at IS NULL;
CREATE INDEX dead_letters_by_tenant ON dead_letters (tenant_id, id);

CREATE TABLE begun_work (
    tenant_id uuid NOT NULL REFERENCES tenants,
    actor text NOT NULL,
    subject_id uuid NOT NULL,
    times integer NOT NULL,
    begun_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, actor, subject_id)
);

-- The oldest messages of each gateway, whatever another gateway has waiting.
CREATE INDEX outbox_by_gateway ON outbox (tenant_id, gateway, send_after) WHERE state = 'queued';
"""

SAFETY = """
GRANT SELECT, INSERT, UPDATE ON dead_letters TO equb_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON begun_work TO equb_app;
ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letters FORCE ROW LEVEL SECURITY;
ALTER TABLE begun_work ENABLE ROW LEVEL SECURITY;
ALTER TABLE begun_work FORCE ROW LEVEL SECURITY;
-- IS NOT DISTINCT FROM: nobody's letters are seen where no tenant is set, and nowhere else.
CREATE POLICY tenant ON dead_letters
    USING (tenant_id IS NOT DISTINCT FROM nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id IS NOT DISTINCT FROM nullif(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY tenant ON begun_work
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);

GRANT SELECT ON dead_letters TO equb_scan;
CREATE POLICY scan ON dead_letters FOR SELECT TO equb_scan USING (true);

-- Addresses with a message that is due, none under way and none before it that was put off, oldest first, at
-- most so many rows of each gateway.
-- The recursion steps from one gateway that has something queued to the next by the index, never over the rows.
CREATE FUNCTION due_addresses(at timestamptz, most_of_each integer)
    RETURNS TABLE (tenant_id uuid, gateway text, address_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$
    WITH RECURSIVE waiting AS (
        (SELECT o.tenant_id, o.gateway FROM outbox o WHERE o.state = 'queued' AND o.gateway IS NOT NULL
         ORDER BY o.tenant_id, o.gateway LIMIT 1)
        UNION ALL
        SELECT n.tenant_id, n.gateway FROM waiting w CROSS JOIN LATERAL
            (SELECT o.tenant_id, o.gateway FROM outbox o
             WHERE o.state = 'queued' AND (o.tenant_id, o.gateway) > (w.tenant_id, w.gateway)
             ORDER BY o.tenant_id, o.gateway LIMIT 1) n
    )
    SELECT w.tenant_id, w.gateway, d.address_id FROM waiting w CROSS JOIN LATERAL
        (SELECT o.address_id, min(o.send_after) AS since FROM
            (SELECT q.address_id, q.send_after FROM outbox q
             WHERE q.state = 'queued' AND q.tenant_id = w.tenant_id AND q.gateway = w.gateway
               AND q.send_after <= at
               AND NOT EXISTS (SELECT FROM outbox s WHERE s.address_id = q.address_id
                   AND (s.state = 'sending'
                        OR (s.state = 'queued' AND s.claimed_at IS NOT NULL AND s.send_after > at
                            AND (s.priority, s.seq) < (q.priority, q.seq))))
             ORDER BY q.send_after LIMIT most_of_each) o
         GROUP BY o.address_id) d
    ORDER BY w.tenant_id, w.gateway, d.since
    $$;

-- The next instant after ``at`` at which anything falls due; what is due already is not waited for.
CREATE FUNCTION next_due(at timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT least((SELECT min(g.wake_at) FROM groups g WHERE g.wake_at > at),
                       (SELECT min(o.send_after) FROM outbox o WHERE o.state = 'queued' AND o.send_after > at)) $$;

CREATE FUNCTION open_dead_letters() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT count(*) FROM dead_letters WHERE settled_at IS NULL $$;

DO $$
DECLARE signature text;
BEGIN
    GRANT CREATE ON SCHEMA public TO equb_scan;
    FOREACH signature IN ARRAY ARRAY['due_addresses(timestamptz, integer)', 'next_due(timestamptz)',
            'open_dead_letters()'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO equb_app', signature);
        EXECUTE format('ALTER FUNCTION %s OWNER TO equb_scan', signature);
    END LOOP;
    REVOKE CREATE ON SCHEMA public FROM equb_scan;
END $$;
"""


def upgrade() -> None:
    """Make the two tables, the index and the functions that look across tenants."""
    run_script(TABLES)
    run_script(SAFETY)
