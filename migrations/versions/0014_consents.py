"""Who has agreed to be kept and written to, and who was invited to: one of the two comes before any notice."""

from migrations.scripts import run_script

revision = "0014"
down_revision = "0013"

TABLES = """
-- What somebody said to being kept and written to: given, refused (before it was ever given), withdrawn. Append-only;
-- people.consented_at is what it has come to. Who writes STOP may be nobody's address yet. wording and text_hash: the
-- name and the SHA256 of the sentence that was shown there; null where it was said on paper or aloud.
CREATE TABLE consents (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    person_id uuid REFERENCES people,
    address_id uuid,
    act text NOT NULL CHECK (act IN ('given', 'refused', 'withdrawn')),
    channel text NOT NULL CHECK (channel IN ('telegram', 'sms', 'paper')),
    language text NOT NULL,
    wording text,
    text_hash text,
    actor text NOT NULL,
    at timestamptz NOT NULL,
    CHECK (person_id IS NOT NULL OR address_id IS NOT NULL)
);
CREATE INDEX consents_by_person ON consents (tenant_id, person_id, id);

-- One invitation for each address and group, ever; a place that is offered may be offered again. send_at: not before.
CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    address_id uuid NOT NULL REFERENCES addresses,
    group_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('join', 'entered', 'place')),
    invited_by text NOT NULL,
    made_at timestamptz NOT NULL,
    send_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX invitations_once ON invitations (tenant_id, address_id, group_id) WHERE kind <> 'place';
CREATE INDEX invitations_by_address ON invitations (tenant_id, address_id, send_at);
CREATE INDEX invitations_by_inviter ON invitations (tenant_id, invited_by, made_at);

-- The sentence that somebody was last asked to agree to.
CREATE INDEX outbox_of_consent ON outbox (address_id, seq) WHERE kind LIKE 'consent%';
"""

SAFETY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consents FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON consents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT, INSERT ON consents, invitations TO equb_app;
ALTER TABLE consents ENABLE ROW LEVEL SECURITY;
ALTER TABLE consents FORCE ROW LEVEL SECURITY;
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON consents
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY tenant ON invitations
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    """Make both tables. Whoever had agreed before keeps that: the record begins now."""
    run_script(TABLES)
    run_script(SAFETY)
