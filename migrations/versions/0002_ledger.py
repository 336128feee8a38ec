"""The ledger: accounts, transfers, the heads of their hash chains, and the one function that may write them.

``docs/decisions/0002-ledger.md`` says why it looks like this and what was measured. In short: one row per
transfer; balances are derived, so nothing is hot; every transfer is chained by hash in one of eight lanes of
its group, a lane being whichever is free, so that removing or changing a row shows and nobody queues.
"""

from migrations.scripts import run_script

revision = "0002"
down_revision = "0001"

TABLES = """
-- An account comes into being with its first transfer; its name says what it may do (ledger_account_rule).
CREATE TABLE ledger_accounts (
    group_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    tenant_id uuid NOT NULL,
    currency text NOT NULL,
    debit_normal boolean NOT NULL,
    may_go_negative boolean NOT NULL,
    PRIMARY KEY (group_id, name),
    CHECK (may_go_negative OR NOT debit_normal)
);

-- The eight lanes of a group's hash chain: how many transfers each holds and the hash of its last one. The
-- only rows of the ledger that change. They also fix whose book it is and in what currency.
CREATE TABLE ledger_heads (
    group_id uuid NOT NULL,
    lane smallint NOT NULL,
    tenant_id uuid NOT NULL,
    currency text NOT NULL,
    transfers bigint NOT NULL,
    last_seq bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (group_id, lane)
) WITH (fillfactor = 50);

-- seq orders a group's transfers: eight times a Lamport time, plus the lane. No foreign keys: the function
-- below guarantees what they would, the audit proves it, and they would lock what everybody pays into.
CREATE TABLE ledger_transfers (
    group_id uuid NOT NULL,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    debit text COLLATE "C" NOT NULL,
    credit text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    at timestamptz NOT NULL,
    posted_at timestamptz NOT NULL,
    reference text COLLATE "C" NOT NULL,
    input_hash bytea NOT NULL,
    payment_id uuid,
    due_id uuid,
    payout_leg_id uuid,
    reverses uuid,
    memo text NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (group_id, id),
    UNIQUE (group_id, reference)
);
CREATE UNIQUE INDEX ledger_transfers_reverses ON ledger_transfers (group_id, reverses)
    WHERE reverses IS NOT NULL;
-- The group last: a planner that has seen no statistics yet must not take one of these for the group alone.
CREATE INDEX ledger_transfers_debit ON ledger_transfers (debit, group_id);
CREATE INDEX ledger_transfers_credit ON ledger_transfers (credit, group_id);
CREATE INDEX ledger_transfers_due ON ledger_transfers (due_id, group_id);
CREATE INDEX ledger_transfers_payment ON ledger_transfers (payment_id, group_id);
"""

RULES = """
-- What an account may do, from its name; no row for a name that is not an account's.
--   debit_normal: what it holds is the debits less the credits (money somebody has), else the reverse (owed).
CREATE FUNCTION ledger_account_rule(account text)
    RETURNS TABLE (debit_normal boolean, may_go_negative boolean)
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
    AS $$ SELECT r.debit_normal, r.may_go_negative FROM (VALUES
            ('^pot/[0-9]{1,9}/[0-9]{1,9}$', false, false),
            ('^advance/[0-9]{1,9}$', false, false),
            ('^fund/[a-z][a-z0-9_-]{0,30}$', false, false),
            ('^fee/[a-z][a-z0-9_-]{0,30}$', false, true),
            ('^held/[0-9]{1,9}$', true, true),
            ('^provider/[a-z0-9][a-z0-9_-]{0,30}$', true, true)
          ) AS r (pattern, debit_normal, may_go_negative) WHERE account ~ r.pattern $$;

-- How ledger_post says no. DETAIL carries a name or an id, never an amount.
--   EQ101 not enough on an account that may not go below zero      EQ102 reference used for something else
--   EQ103 reversed before                                          EQ104 cannot be reversed
--   EQ105 no such group for this tenant                            EQ106 not a transfer: the caller's mistake
--   EQ107 the same reference is being posted this moment           EQ108 isolation level
CREATE FUNCTION ledger_refuse(code text, message text, detail text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
    AS $$ BEGIN RAISE EXCEPTION '%', message USING ERRCODE = code, DETAIL = coalesce(detail, ''); END $$;
"""

POST = """
-- What a caller asks for. A reversal gives `reverses`; its sides, amount and currency are null.
CREATE TYPE ledger_request AS (
    id uuid, kind text, debit text, credit text, amount_minor bigint, currency text, reference text,
    payment_id uuid, due_id uuid, payout_leg_id uuid, reverses uuid, memo text);

-- Opens the book of a group that has never posted: eight empty lanes, for the tenant and in the currency that
-- the group says. Two at once: the second waits for the first and finds them.
CREATE FUNCTION ledger_open(p_group_id uuid, p_tenant_id uuid) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    v_currency text;
BEGIN
    SELECT g.currency INTO v_currency
        FROM groups g WHERE g.group_id = p_group_id AND g.tenant_id = p_tenant_id;
    IF NOT FOUND THEN
        PERFORM ledger_refuse('EQ105', 'no such group', p_group_id::text);
    END IF;
    INSERT INTO ledger_heads (group_id, lane, tenant_id, currency, transfers, last_seq, hash)
        SELECT p_group_id, lane, p_tenant_id, v_currency, 0, 0, '' FROM generate_series(0, 7) AS lane
        ON CONFLICT (group_id, lane) DO NOTHING;
END $$;

-- Creates those of the accounts that are missing, and refuses names that are none.
CREATE FUNCTION ledger_open_accounts(p_group_id uuid, p_tenant_id uuid, p_currency text, p_names text[])
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_name text;
BEGIN
    SELECT n INTO v_name FROM unnest(p_names) AS n
        WHERE NOT EXISTS (SELECT FROM ledger_account_rule(n)) LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse('EQ106', 'not the name of an account', v_name);
    END IF;
    INSERT INTO ledger_accounts (group_id, name, tenant_id, currency, debit_normal, may_go_negative)
        SELECT p_group_id, n, p_tenant_id, p_currency, r.debit_normal, r.may_go_negative
        FROM unnest(p_names) AS n, ledger_account_rule(n) AS r ORDER BY n
        ON CONFLICT (group_id, name) DO NOTHING;
END $$;

-- Turns reversals into the opposite of what they reverse, for the same due, payment and payout leg.
CREATE FUNCTION ledger_fill_reversals(p_group_id uuid, p_requests ledger_request[]) RETURNS ledger_request[]
    LANGUAGE plpgsql AS $$
DECLARE
    v_original ledger_transfers;
    v_request ledger_request;
BEGIN
    FOR i IN 1 .. cardinality(p_requests) LOOP
        v_request := p_requests[i];
        CONTINUE WHEN v_request.reverses IS NULL;
        SELECT * INTO v_original FROM ledger_transfers t
            WHERE t.group_id = p_group_id AND t.id = v_request.reverses;
        IF NOT FOUND OR v_original.reverses IS NOT NULL
                OR coalesce(v_request.debit, v_request.credit, v_request.amount_minor::text) IS NOT NULL THEN
            PERFORM ledger_refuse('EQ104', 'cannot be reversed', v_request.reverses::text);
        END IF;
        PERFORM FROM ledger_transfers t WHERE t.group_id = p_group_id AND t.reverses = v_request.reverses;
        IF FOUND THEN
            PERFORM ledger_refuse('EQ103', 'reversed before', v_request.reverses::text);
        END IF;
        v_request.debit := v_original.credit;
        v_request.credit := v_original.debit;
        v_request.amount_minor := v_original.amount_minor;
        v_request.currency := v_original.currency;
        v_request.payment_id := v_original.payment_id;
        v_request.due_id := v_original.due_id;
        v_request.payout_leg_id := v_original.payout_leg_id;
        p_requests[i] := v_request;
    END LOOP;
    RETURN p_requests;
END $$;

-- Locks, in order of name, those of the debited accounts that may not go below zero, and refuses if one would at
-- any step of the way. Returns a time that is not before that of anything it saw.
CREATE FUNCTION ledger_reserve(p_group_id uuid, p_debits text[], p_requests ledger_request[]) RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    v_drained text[];
    v_name text;
BEGIN
    SELECT array_agg(l.name) INTO v_drained FROM (
        SELECT a.name FROM ledger_accounts a
            WHERE a.group_id = p_group_id AND a.name = ANY (p_debits) AND NOT a.may_go_negative
            ORDER BY a.name FOR NO KEY UPDATE) l;
    -- A statement of its own: its snapshot sees what those who held the locks before us have posted.
    SELECT m.name INTO v_name
        FROM (SELECT s.name, sum(s.change) OVER (PARTITION BY s.name ORDER BY s.n) AS change
                  FROM (SELECT r.debit AS name, -r.amount_minor AS change, r.ordinality AS n
                            FROM unnest(p_requests) WITH ORDINALITY AS r
                        UNION ALL SELECT r.credit, r.amount_minor, r.ordinality
                            FROM unnest(p_requests) WITH ORDINALITY AS r) s
                  WHERE s.name = ANY (v_drained)) m
        JOIN (SELECT d.name, (SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transfers t
                               WHERE t.group_id = p_group_id AND t.credit = d.name)
                           - (SELECT coalesce(sum(t.amount_minor), 0) FROM ledger_transfers t
                               WHERE t.group_id = p_group_id AND t.debit = d.name) AS minor
                  FROM unnest(v_drained) AS d (name)) b ON b.name = m.name
        WHERE b.minor + m.change < 0 ORDER BY m.name LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse('EQ101', 'not enough', v_name);
    END IF;
    RETURN (SELECT max(h.last_seq) FROM ledger_heads h WHERE h.group_id = p_group_id) >> 3;
END $$;

-- Waits until one of a group's lanes is free; opens the book of a group that has none.
CREATE FUNCTION ledger_wait_for_lane(p_group_id uuid, p_tenant_id uuid) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    v_owner_id uuid;
BEGIN
    SELECT h.tenant_id INTO v_owner_id FROM ledger_heads h WHERE h.group_id = p_group_id AND h.lane = 0;
    IF NOT FOUND THEN
        PERFORM ledger_open(p_group_id, p_tenant_id);
    ELSIF v_owner_id IS DISTINCT FROM p_tenant_id THEN
        PERFORM ledger_refuse('EQ105', 'no such group', p_group_id::text);
    ELSE
        PERFORM FROM ledger_heads h WHERE h.group_id = p_group_id AND h.lane = pg_backend_pid() & 7
            FOR NO KEY UPDATE;
    END IF;
END $$;

-- Refuses what was used before for something else: references that stand there with another input.
CREATE FUNCTION ledger_compare(p_group_id uuid, p_references text[], p_inputs bytea[]) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    v_reference text;
BEGIN
    SELECT i.reference INTO v_reference FROM unnest(p_references, p_inputs) AS i (reference, input_hash)
        WHERE i.input_hash <> (SELECT t.input_hash FROM ledger_transfers t
            WHERE t.group_id = p_group_id AND t.reference = i.reference) LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse('EQ102', 'reference used before for something else', v_reference);
    END IF;
END $$;

-- Refuses requests that can never be posted: their id or their reversal stands under another reference.
CREATE FUNCTION ledger_explain_conflict(p_group_id uuid, p_requests ledger_request[]) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    v_id uuid;
BEGIN
    SELECT r.reverses INTO v_id FROM unnest(p_requests) AS r
        WHERE r.reference <> (SELECT t.reference FROM ledger_transfers t
            WHERE t.group_id = p_group_id AND t.reverses = r.reverses) LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse('EQ103', 'reversed before', v_id::text);
    END IF;
    SELECT r.id INTO v_id FROM unnest(p_requests) AS r
        WHERE r.reference <> (SELECT t.reference FROM ledger_transfers t
            WHERE t.group_id = p_group_id AND t.id = r.id) LIMIT 1;
    IF FOUND THEN
        PERFORM ledger_refuse('EQ106', 'an id that another transfer has', v_id::text);
    END IF;
END $$;

-- Posts transfers, one or thousands, all or none, and returns their rows, those posted before included.
CREATE FUNCTION ledger_post(p_group_id uuid, p_at timestamptz, p_requests ledger_request[])
    RETURNS SETOF ledger_transfers
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    -- Always by index: a plan made while the tables were empty must not outlive that.
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
    AS $$
DECLARE
    v_tenant_id uuid := nullif(current_setting('app.tenant', true), '')::uuid;
    v_request ledger_request;
    v_references text[] := '{}';
    v_inputs bytea[] := '{}';
    v_reverses boolean := false;
    v_repeated text[];
    v_lane smallint;
    v_currency text;
    v_time bigint;
    v_hash bytea;
    v_debits text[] := '{}';
    v_names text[] := '{}';
    v_known integer;
    v_draining boolean;
    v_row ledger_transfers;
    v_rows ledger_transfers[] := '{}';
    v_inserted integer;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM ledger_refuse('EQ108', 'the ledger posts in read committed only', '');
    END IF;
    FOR i IN 1 .. cardinality(p_requests) LOOP
        v_request := p_requests[i];
        v_references[i] := v_request.reference;
        v_reverses := v_reverses OR v_request.reverses IS NOT NULL;
        -- The hash of what is asked for; the id and the time of an attempt are no part of that.
        v_request.id := NULL;
        v_inputs[i] := sha256(record_send(v_request));
    END LOOP;
    -- Reversals of a group take turns, so that the second of two at once sees the first.
    IF v_reverses THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('ledger reversal ' || p_group_id, 0));
    END IF;

    LOOP
        -- Was any of it posted before? One look-up for each: for a whole array the planner, thinking of an
        -- average group, would read all of a large one.
        SELECT array_agg(r.reference) INTO v_repeated FROM unnest(v_references) AS r (reference)
            WHERE (SELECT true FROM ledger_transfers t WHERE t.group_id = p_group_id
                AND t.reference = r.reference AND t.tenant_id = v_tenant_id);
        IF v_repeated IS NOT NULL THEN
            PERFORM ledger_compare(p_group_id, v_references, v_inputs);
            RETURN QUERY SELECT t.* FROM unnest(v_repeated) AS r (reference) CROSS JOIN LATERAL (
                SELECT * FROM ledger_transfers l
                WHERE l.group_id = p_group_id AND l.reference = r.reference OFFSET 0) t;
            -- What that one look found, not what is there by now: each is returned or posted, never neither.
            SELECT array_agg(p_requests[i.n] ORDER BY i.n), array_agg(i.reference ORDER BY i.n),
                   array_agg(i.input_hash ORDER BY i.n)
                INTO p_requests, v_references, v_inputs
                FROM unnest(v_references, v_inputs) WITH ORDINALITY AS i (reference, input_hash, n)
                WHERE i.reference <> ALL (v_repeated);
            IF p_requests IS NULL THEN
                RETURN;
            END IF;
        END IF;

        -- A free lane of this group's and tenant's; its time goes on from the latest that is committed.
        SELECT h.lane, h.currency, h.hash, greatest(h.last_seq,
                   (SELECT max(o.last_seq) FROM ledger_heads o WHERE o.group_id = p_group_id)) >> 3
            INTO v_lane, v_currency, v_hash, v_time
            FROM ledger_heads h WHERE h.group_id = p_group_id AND h.tenant_id = v_tenant_id
            ORDER BY h.lane LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            PERFORM ledger_wait_for_lane(p_group_id, v_tenant_id);
            CONTINUE;
        END IF;

        IF v_reverses THEN
            p_requests := ledger_fill_reversals(p_group_id, p_requests);
        END IF;
        FOR i IN 1 .. cardinality(p_requests) LOOP
            v_request := p_requests[i];
            IF (v_request.amount_minor > 0 AND v_request.currency = v_currency
                    AND v_request.debit <> v_request.credit) IS NOT TRUE THEN
                PERFORM ledger_refuse('EQ106', 'a transfer is a positive amount in the currency of the group '
                                      'from one account to another', v_request.reference);
            END IF;
            v_debits[i] := v_request.debit;
            v_names[2 * i - 1] := v_request.debit;
            v_names[2 * i] := v_request.credit;
        END LOOP;
        IF cardinality(p_requests) > 1 THEN
            v_names := ARRAY(SELECT DISTINCT n FROM unnest(v_names) AS n);
        END IF;
        -- Paying in locks no account: a pot that everybody pays into is no bottleneck.
        LOOP
            SELECT count(*), bool_or(NOT a.may_go_negative AND a.name = ANY (v_debits))
                INTO v_known, v_draining
                FROM ledger_accounts a WHERE a.group_id = p_group_id AND a.name = ANY (v_names);
            EXIT WHEN v_known = cardinality(v_names);
            PERFORM ledger_open_accounts(p_group_id, v_tenant_id, v_currency, v_names);
        END LOOP;
        IF v_draining THEN
            v_time := greatest(v_time, ledger_reserve(p_group_id, v_debits, p_requests));
        END IF;

        -- The hash is that of the row while its column `hash` holds the hash of the row before.
        FOR i IN 1 .. cardinality(p_requests) LOOP
            v_request := p_requests[i];
            v_time := v_time + 1;
            v_row := ROW(p_group_id, v_request.id, v_tenant_id, v_time << 3 | v_lane, v_request.kind,
                v_request.debit, v_request.credit, v_request.amount_minor, v_request.currency, p_at,
                clock_timestamp(), v_request.reference, v_inputs[i], v_request.payment_id, v_request.due_id,
                v_request.payout_leg_id, v_request.reverses, v_request.memo, v_hash);
            v_hash := sha256(record_send(v_row));
            v_row.hash := v_hash;
            v_rows[i] := v_row;
        END LOOP;
        IF cardinality(p_requests) = 1 THEN
            -- Spelled out: Citus must see whose row it is in the statement itself.
            RETURN QUERY INSERT INTO ledger_transfers VALUES (p_group_id, v_row.id, v_row.tenant_id, v_row.seq,
                    v_row.kind, v_row.debit, v_row.credit, v_row.amount_minor, v_row.currency, v_row.at,
                    v_row.posted_at, v_row.reference, v_row.input_hash, v_row.payment_id, v_row.due_id,
                    v_row.payout_leg_id, v_row.reverses, v_row.memo, v_row.hash)
                ON CONFLICT DO NOTHING RETURNING *;
        ELSE
            -- In order of reference, so that two calls with the same references never wait crosswise.
            RETURN QUERY INSERT INTO ledger_transfers SELECT * FROM unnest(v_rows) AS r ORDER BY r.reference
                ON CONFLICT DO NOTHING RETURNING *;
        END IF;
        GET DIAGNOSTICS v_inserted = ROW_COUNT;
        IF v_inserted = cardinality(p_requests) THEN
            UPDATE ledger_heads SET transfers = transfers + v_inserted, last_seq = v_time << 3 | v_lane,
                    hash = v_hash
                WHERE group_id = p_group_id AND lane = v_lane;
            RETURN;
        END IF;
        PERFORM ledger_explain_conflict(p_group_id, p_requests);
        IF v_inserted > 0 THEN
            PERFORM ledger_refuse('EQ107', 'some of it is being posted this moment', '');
        END IF;
        -- All of it was posted between our look and our insert, and is committed now: look again.
    END LOOP;
END $$;
"""

GUARDS = """
-- Privileges bind everybody but the owner, who can give them to himself; triggers bind him too. Conditions stand
-- in the function, not in WHEN, which PostgreSQL would parse again for every statement.
CREATE FUNCTION ledger_only_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user <> 'equb_ledger' THEN
        RAISE EXCEPTION '% is written by ledger_post only', TG_TABLE_NAME USING ERRCODE = 'EQ001';
    END IF;
    RETURN new;
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ledger_accounts', 'ledger_heads', 'ledger_transfers'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format($p$CREATE POLICY tenant ON %I
            USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
            WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)$p$, name);
        -- The posting function has compared the tenant itself, once instead of row by row.
        EXECUTE format('CREATE POLICY posting ON %I TO equb_ledger USING (true) WITH CHECK (true)', name);
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %I FROM CURRENT_USER', name);
        EXECUTE format('CREATE POLICY scan ON %I FOR SELECT TO equb_scan USING (true)', name);
        EXECUTE format('GRANT SELECT ON %I TO equb_app', name);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO equb_ledger', name);
        EXECUTE format('CREATE TRIGGER only_posted BEFORE INSERT ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_posted()', name);
        EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['ledger_accounts', 'ledger_transfers'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
            FOR EACH ROW EXECUTE FUNCTION refuse_change()', name);
    END LOOP;
END $$;
-- Locking an account's row needs the right to update something of it; the trigger refuses a real update.
GRANT UPDATE (currency) ON ledger_accounts TO equb_ledger;
GRANT UPDATE (transfers, last_seq, hash) ON ledger_heads TO equb_ledger;
CREATE TRIGGER append_only BEFORE DELETE ON ledger_heads FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_posted_on BEFORE UPDATE ON ledger_heads
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_posted();
GRANT SELECT ON groups TO equb_ledger;

-- Which groups have anything in the ledger, over all tenants: for the audit, which runs as the owner. It belongs to
-- the reader of all tenants: on Citus it goes to the workers as the role that it belongs to, and the role that may
-- write the ledger logs in nowhere.
CREATE FUNCTION ledger_groups() RETURNS TABLE (tenant_id uuid, group_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
    AS $$ SELECT h.tenant_id, h.group_id FROM ledger_heads h UNION
          SELECT a.tenant_id, a.group_id FROM ledger_accounts a UNION
          SELECT t.tenant_id, t.group_id FROM ledger_transfers t $$;
GRANT SELECT (tenant_id, group_id) ON ledger_accounts, ledger_heads, ledger_transfers TO equb_scan;

DO $$
DECLARE signature regprocedure;
BEGIN
    GRANT CREATE ON SCHEMA public TO equb_ledger, equb_scan;
    FOR signature IN SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = 'public' AND p.proname LIKE 'ledger\\_%' LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        IF signature::text LIKE 'ledger_post(%' OR signature::text LIKE 'ledger_account_rule(%' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO equb_app', signature);
        ELSE
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO CURRENT_USER', signature);
        END IF;
        EXECUTE format('ALTER FUNCTION %s OWNER TO equb_ledger', signature);
    END LOOP;
    ALTER FUNCTION ledger_groups() OWNER TO equb_scan;
    REVOKE CREATE ON SCHEMA public FROM equb_ledger, equb_scan;
END $$;
"""


def upgrade() -> None:
    """Make the ledger: its tables, its rules, its one way in, and what refuses every other way."""
    run_script(TABLES)
    run_script(RULES)
    run_script(POST)
    run_script(GUARDS)
