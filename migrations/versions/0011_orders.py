"""The draw that gives every lot its turn at once, and PINs with which witnesses confirm what they saw."""

from migrations.scripts import run_script

revision = "0011"
down_revision = "0010"

TABLES = """
-- One pick of the draw that gives every lot its turn. Not a found lot: what it found may still change places, with
-- everybody's consent, or be passed over. Append-only.
CREATE TABLE order_draws (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    code text NOT NULL,
    cycle integer NOT NULL,
    list_id uuid NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal > 0),
    lot_id uuid NOT NULL,
    link_number integer NOT NULL,
    proof jsonb NOT NULL,
    record_hash text NOT NULL,
    drawn_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, code),
    UNIQUE (group_id, cycle, ordinal),
    UNIQUE (group_id, lot_id),
    FOREIGN KEY (group_id, lot_id) REFERENCES lots,
    FOREIGN KEY (group_id, list_id) REFERENCES draw_lists
);

-- A PIN confirms what somebody else must not be able to confirm with a borrowed phone. Only its hash is kept.
ALTER TABLE people
    ADD COLUMN pin_hash text,
    ADD COLUMN pin_tries integer NOT NULL DEFAULT 0,
    ADD COLUMN pin_wait_until timestamptz;
"""

SAFETY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON order_draws FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON order_draws
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON order_draws TO equb_app;
ALTER TABLE order_draws ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_draws FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON order_draws
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    """Make the table and widen people."""
    run_script(TABLES)
    run_script(SAFETY)
