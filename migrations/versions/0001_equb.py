"""Tenants, people, what arrives and leaves, groups with their lots, rounds, dues, payments, draws, payouts.

Every row carries its tenant and row-level security keeps tenants apart even where a query forgets to. Every
key of a group's table begins with ``group_id``, so that a group's whole book can live on one shard.
"""

from migrations.scripts import run_script

revision = "0001"
down_revision = None

SHARED = """
CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9-]{1,30}$'),
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    currency text NOT NULL DEFAULT 'ETB',
    timezone text NOT NULL DEFAULT 'Africa/Addis_Ababa',
    language text NOT NULL DEFAULT 'am',
    created_at timestamptz NOT NULL
);

-- How a tenant is reached: one row for its bot, one for each SMS gateway. Credentials are encrypted.
CREATE TABLE gateways (
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('telegram', 'sms')),
    sender text NOT NULL DEFAULT '',
    credentials bytea NOT NULL,
    preferred boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE people (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    language text NOT NULL,
    consented_at timestamptz,
    erased_at timestamptz,
    last_group_id uuid,
    created_at timestamptz NOT NULL
);
CREATE INDEX people_by_tenant ON people (tenant_id, id);

-- An address is a Telegram account or a phone number; verified means that its holder proved to be the person.
CREATE TABLE addresses (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    person_id uuid REFERENCES people,
    channel text NOT NULL CHECK (channel IN ('telegram', 'sms')),
    gateway text NOT NULL,
    lookup bytea NOT NULL,
    secret bytea NOT NULL,
    masked text NOT NULL,
    language text,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'stopped', 'dead')),
    verified_at timestamptz,
    last_heard_at timestamptz,
    last_group_id uuid,
    created_at timestamptz NOT NULL,
    UNIQUE (tenant_id, channel, lookup)
);
CREATE INDEX addresses_by_person ON addresses (person_id);

-- A question somebody has been asked and has not answered yet. What was understood so far is in `filled`.
CREATE TABLE questions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    address_id uuid NOT NULL REFERENCES addresses,
    nonce text NOT NULL,
    command text NOT NULL,
    slot text NOT NULL,
    filled jsonb NOT NULL,
    choices jsonb NOT NULL,
    about uuid,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    answered_at timestamptz,
    UNIQUE (tenant_id, nonce)
);
CREATE INDEX questions_open ON questions (address_id, asked_at DESC) WHERE answered_at IS NULL;
CREATE INDEX questions_about ON questions (tenant_id, about) WHERE answered_at IS NULL AND about IS NOT NULL;

CREATE TABLE inbox (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    gateway text NOT NULL,
    external_id text NOT NULL,
    address_id uuid,
    text text NOT NULL,
    received_at timestamptz NOT NULL,
    command text,
    state text NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'refused', 'failed')),
    failure text,
    undo jsonb,
    UNIQUE (tenant_id, gateway, external_id)
);
CREATE INDEX inbox_by_address ON inbox (address_id, received_at DESC);

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    address_id uuid NOT NULL,
    person_id uuid,
    group_id uuid,
    inbox_id uuid,
    event text NOT NULL,
    kind text NOT NULL,
    params jsonb NOT NULL,
    language text NOT NULL,
    text text NOT NULL,
    choices jsonb NOT NULL DEFAULT '[]',
    extras jsonb NOT NULL DEFAULT '{}',
    priority smallint NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'sending', 'sent', 'delivered', 'uncertain', 'failed', 'held')),
    send_after timestamptz NOT NULL,
    claimed_at timestamptz,
    attempts smallint NOT NULL DEFAULT 0,
    gateway text,
    provider_id text,
    reason text,
    sent_at timestamptz,
    delivered_at timestamptz,
    created_at timestamptz NOT NULL,
    UNIQUE (tenant_id, event, address_id)
);
CREATE INDEX outbox_waiting ON outbox (send_after, address_id) WHERE state = 'queued';
CREATE INDEX outbox_sending ON outbox (claimed_at) WHERE state = 'sending';
CREATE INDEX outbox_by_address ON outbox (address_id, seq) WHERE state IN ('queued', 'sending');
CREATE INDEX outbox_by_inbox ON outbox (inbox_id) WHERE inbox_id IS NOT NULL;
CREATE INDEX outbox_by_provider ON outbox (tenant_id, gateway, provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX outbox_by_tenant ON outbox (tenant_id, id);

-- A code sent to a phone by which its holder links a Telegram account; looked up by keyed hash.
CREATE TABLE link_codes (
    tenant_id uuid NOT NULL REFERENCES tenants,
    lookup bytea NOT NULL,
    address_id uuid NOT NULL REFERENCES addresses,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, lookup)
);

-- Delivery reports and other calls of providers, raw, once each.
CREATE TABLE provider_events (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    provider text NOT NULL,
    external_id text NOT NULL,
    body jsonb NOT NULL,
    received_at timestamptz NOT NULL,
    UNIQUE (tenant_id, provider, external_id)
);

-- Short codes that people type or follow: groups and draws. One name space over all tenants, because the
-- page /verify/{code} knows no tenant.
CREATE TABLE codes (
    code text PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    kind text NOT NULL CHECK (kind IN ('group', 'draw')),
    group_id uuid NOT NULL,
    subject_id uuid NOT NULL
);

-- A provider's reference counts once, whichever group it is claimed in (a group's own tables cannot see that).
CREATE TABLE provider_references (
    tenant_id uuid NOT NULL REFERENCES tenants,
    provider text NOT NULL,
    reference text NOT NULL,
    kind text NOT NULL,
    group_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, provider, reference, kind)
);

CREATE TABLE admins (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    username text NOT NULL,
    password_hash text NOT NULL,
    roles text[] NOT NULL,
    disabled_at timestamptz,
    created_at timestamptz NOT NULL,
    UNIQUE (tenant_id, username)
);

CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL REFERENCES tenants,
    actor text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint,
    answer jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, actor, route, key)
);

CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    group_id uuid,
    subject text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_log_by_tenant ON audit_log (tenant_id, id);
"""

GROUPS = """
CREATE TABLE groups (
    group_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    code text NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    currency text NOT NULL,
    status text NOT NULL DEFAULT 'forming' CHECK (status IN ('forming', 'running', 'closed', 'cancelled')),
    rules jsonb NOT NULL,
    rules_version integer NOT NULL DEFAULT 1,
    cycle integer NOT NULL DEFAULT 1,
    wake_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX groups_by_tenant ON groups (tenant_id, group_id);
CREATE INDEX groups_to_wake ON groups (wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE rule_versions (
    group_id uuid NOT NULL REFERENCES groups,
    version integer NOT NULL,
    tenant_id uuid NOT NULL,
    rules jsonb NOT NULL,
    rules_hash text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, version)
);

CREATE TABLE members (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    number integer NOT NULL,
    person_id uuid NOT NULL,
    role text NOT NULL DEFAULT 'member' CHECK (role IN ('organiser', 'secretary', 'collector', 'member')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'left')),
    accepted_version integer NOT NULL,
    accepted_hash text NOT NULL,
    joined_at timestamptz NOT NULL,
    left_at timestamptz,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, number),
    UNIQUE (group_id, person_id)
);
CREATE INDEX members_by_person ON members (person_id);

CREATE TABLE cycles (
    group_id uuid NOT NULL REFERENCES groups,
    number integer NOT NULL,
    tenant_id uuid NOT NULL,
    rules jsonb NOT NULL,
    anchor text NOT NULL,
    secret bytea NOT NULL,
    chain_length integer NOT NULL,
    links_used integer NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (group_id, number)
);

CREATE TABLE lots (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    cycle integer NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, cycle, number)
);

-- One member's share of one lot. amount_minor is what the share pays each round, fixed when the cycle begins
-- so that the shares of a lot always add up to the contribution.
CREATE TABLE holdings (
    group_id uuid NOT NULL,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    member_id uuid NOT NULL,
    share_numerator integer NOT NULL CHECK (share_numerator > 0),
    share_denominator integer NOT NULL CHECK (share_denominator >= share_numerator),
    amount_minor bigint CHECK (amount_minor >= 0),
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, lot_id, member_id),
    FOREIGN KEY (group_id, lot_id) REFERENCES lots,
    FOREIGN KEY (group_id, member_id) REFERENCES members
);
CREATE INDEX holdings_by_member ON holdings (group_id, member_id);

CREATE TABLE rounds (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    cycle integer NOT NULL,
    number integer NOT NULL,
    opens_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    cutoff_at timestamptz NOT NULL,
    draw_at timestamptz NOT NULL,
    beacon_round bigint NOT NULL,
    opened_at timestamptz,
    reminded_at timestamptz,
    frozen_at timestamptz,
    drawn_at timestamptz,
    attempt integer NOT NULL DEFAULT 1,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, cycle, number),
    CHECK (cutoff_at < draw_at)
);

CREATE TABLE dues (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    round_id uuid NOT NULL,
    holding_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    member_id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'contribution' CHECK (kind IN ('contribution', 'fine', 'fee')),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    due_at timestamptz NOT NULL,
    excused_at timestamptz,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, round_id, holding_id, kind),
    FOREIGN KEY (group_id, round_id) REFERENCES rounds,
    FOREIGN KEY (group_id, holding_id) REFERENCES holdings
);
CREATE INDEX dues_by_member ON dues (group_id, member_id, due_at);

-- What a payer says (claimed), an officer says (recorded), and both or a provider prove (verified).
CREATE TABLE payments (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    code text NOT NULL,
    member_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    method text NOT NULL,
    held_by uuid,
    claimed_at timestamptz,
    recorded_at timestamptz,
    recorded_by text,
    verified_at timestamptz,
    verified_by text,
    declined_at timestamptz,
    declined_by text,
    reversed_at timestamptz,
    reversed_by text,
    reason text,
    reference text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, code),
    FOREIGN KEY (group_id, member_id) REFERENCES members
);
CREATE INDEX payments_by_member ON payments (group_id, member_id, created_at);
CREATE INDEX payments_claimed ON payments (group_id, created_at)
    WHERE recorded_at IS NULL AND declined_at IS NULL AND reversed_at IS NULL;

-- The list of lots that a draw chooses from, frozen at the cut-off. Append-only; a later attempt is a new row.
CREATE TABLE draw_lists (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    round_id uuid NOT NULL,
    attempt integer NOT NULL,
    list_text text NOT NULL,
    list_hash text NOT NULL,
    exclusions jsonb NOT NULL,
    beacon_round bigint NOT NULL,
    draw_at timestamptz NOT NULL,
    frozen_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, round_id, attempt),
    FOREIGN KEY (group_id, round_id) REFERENCES rounds
);

CREATE TABLE draws (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    code text NOT NULL,
    round_id uuid NOT NULL,
    list_id uuid NOT NULL,
    ordinal integer NOT NULL,
    kind text NOT NULL,
    lot_id uuid NOT NULL,
    link_number integer NOT NULL,
    proof jsonb NOT NULL,
    record_hash text NOT NULL,
    drawn_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, code),
    UNIQUE (group_id, round_id, ordinal),
    UNIQUE (group_id, lot_id),
    FOREIGN KEY (group_id, round_id) REFERENCES rounds,
    FOREIGN KEY (group_id, lot_id) REFERENCES lots,
    FOREIGN KEY (group_id, list_id) REFERENCES draw_lists
);

CREATE TABLE payouts (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    round_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    gross_minor bigint NOT NULL CHECK (gross_minor > 0),
    deductions jsonb NOT NULL DEFAULT '[]',
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    approved_at timestamptz,
    approved_by text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, round_id, lot_id),
    FOREIGN KEY (group_id, round_id) REFERENCES rounds,
    FOREIGN KEY (group_id, lot_id) REFERENCES lots
);

-- A leg is a part of a pot going to one holder. Where a pot is not full yet a leg is paid in instalments: it is
-- split, so that the legs of a payout always add up to it. received_at: the holder confirmed it.
CREATE TABLE payout_legs (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    payout_id uuid NOT NULL,
    holding_id uuid NOT NULL,
    member_id uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    method text NOT NULL DEFAULT 'cash',
    paid_at timestamptz,
    paid_by text,
    held_by uuid,
    received_at timestamptz,
    received_by text,
    denied_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, id),
    FOREIGN KEY (group_id, payout_id) REFERENCES payouts,
    FOREIGN KEY (group_id, holding_id) REFERENCES holdings,
    FOREIGN KEY (group_id, member_id) REFERENCES members
);
CREATE INDEX payout_legs_by_payout ON payout_legs (group_id, payout_id);
CREATE INDEX payout_legs_by_member ON payout_legs (group_id, member_id);
"""

SAFETY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'EQ001';
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audit_log', 'draws', 'draw_lists', 'rule_versions', 'provider_events'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO equb_app', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['gateways', 'people', 'addresses', 'questions', 'link_codes', 'inbox', 'outbox',
            'codes', 'provider_references', 'admins', 'idempotency_keys', 'groups', 'members', 'cycles', 'lots',
            'holdings', 'rounds', 'dues', 'payments', 'payouts', 'payout_legs'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO equb_app', name);
    END LOOP;
    -- While a group forms, people may still leave it and holdings change hands.
    FOREACH name IN ARRAY ARRAY['lots', 'holdings', 'gateways', 'questions', 'link_codes', 'idempotency_keys'] LOOP
        EXECUTE format('GRANT DELETE ON %I TO equb_app', name);
    END LOOP;
    FOR name IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname NOT IN ('tenants', 'alembic_version')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        -- The setting is compared as it is: Citus takes no sub-select in a policy.
        EXECUTE format($p$CREATE POLICY tenant ON %I
            USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
            WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)$p$, name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON tenants TO equb_app;
-- A process is ready only when it finds the schema it was written for.
GRANT SELECT ON alembic_version TO equb_app;

-- What must look across tenants is these functions and nothing else; their owner may only read.
GRANT USAGE ON SCHEMA public TO equb_app, equb_scan, equb_ledger;
GRANT SELECT ON groups, outbox, codes TO equb_scan;
CREATE POLICY scan ON groups FOR SELECT TO equb_scan USING (true);
CREATE POLICY scan ON outbox FOR SELECT TO equb_scan USING (true);
CREATE POLICY scan ON codes FOR SELECT TO equb_scan USING (true);

CREATE FUNCTION due_groups(at timestamptz, most integer)
    RETURNS TABLE (tenant_id uuid, group_id uuid, wake_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT g.tenant_id, g.group_id, g.wake_at FROM groups g
          WHERE g.wake_at <= at ORDER BY g.wake_at LIMIT most $$;
CREATE FUNCTION next_wake() RETURNS timestamptz
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT least((SELECT min(wake_at) FROM groups WHERE wake_at IS NOT NULL),
                       (SELECT min(send_after) FROM outbox WHERE state = 'queued')) $$;
CREATE FUNCTION due_outbox(at timestamptz, most integer)
    RETURNS TABLE (tenant_id uuid, address_id uuid, channel_gateway text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT DISTINCT o.tenant_id, o.address_id, o.gateway FROM
            (SELECT * FROM outbox WHERE state = 'queued' AND send_after <= at
             ORDER BY send_after LIMIT most) o $$;
CREATE FUNCTION stuck_outbox(before timestamptz, most integer)
    RETURNS TABLE (tenant_id uuid, id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT o.tenant_id, o.id FROM outbox o
          WHERE o.state = 'sending' AND o.claimed_at < before LIMIT most $$;
CREATE FUNCTION outbox_in_flight() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT count(*) FROM outbox WHERE state = 'sending' $$;
CREATE FUNCTION find_code(wanted text)
    RETURNS TABLE (tenant_id uuid, kind text, group_id uuid, subject_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT c.tenant_id, c.kind, c.group_id, c.subject_id FROM codes c WHERE c.code = wanted $$;
DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['due_groups(timestamptz, integer)', 'next_wake()',
            'due_outbox(timestamptz, integer)', 'stuck_outbox(timestamptz, integer)', 'outbox_in_flight()',
            'find_code(text)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO equb_app', signature);
        EXECUTE format('GRANT CREATE ON SCHEMA public TO equb_scan');
        EXECUTE format('ALTER FUNCTION %s OWNER TO equb_scan', signature);
        EXECUTE format('REVOKE CREATE ON SCHEMA public FROM equb_scan');
    END LOOP;
END $$;
"""


def upgrade() -> None:
    """Make the whole schema but the ledger's."""
    run_script(SHARED)
    run_script(GROUPS)
    run_script(SAFETY)
