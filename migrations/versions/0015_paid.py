"""What a due has been paid stands on the due, written by the ledger with what it posts; one transfer is posted in less.

Until now whoever asked what is owed added up every due's transfers again, and so looked through every round held. Only
the ledger's function may write what is paid, ``core.ledger.audit`` proves that it is what the transfers say, and an
index holds the open dues alone.
"""

from migrations.scripts import run_script

revision = "0015"
down_revision = "0014"

DUES = """
ALTER TABLE dues ADD COLUMN paid_minor bigint NOT NULL DEFAULT 0;
-- A column of its own, and no comparison: the planner counts how few are true, and takes the index of these few.
ALTER TABLE dues ADD COLUMN open boolean NOT NULL
    GENERATED ALWAYS AS (excused_at IS NULL AND paid_minor < amount_minor) STORED;

CREATE POLICY posting_reads ON dues FOR SELECT TO equb_ledger USING (true);
CREATE POLICY posting ON dues FOR UPDATE TO equb_ledger USING (true) WITH CHECK (true);
GRANT SELECT (group_id, id, paid_minor), UPDATE (paid_minor) ON dues TO equb_ledger;

-- What is paid nobody else writes, not even with a new due.
REVOKE INSERT, UPDATE ON dues FROM equb_app;
DO $$
DECLARE names text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ') INTO names FROM pg_attribute
        WHERE attrelid = 'dues'::regclass AND attnum > 0 AND NOT attisdropped
        AND attname <> 'paid_minor' AND attgenerated = '';
    EXECUTE format('GRANT INSERT (%s), UPDATE (%s) ON dues TO equb_app', names, names);
END $$;

UPDATE dues d SET paid_minor = p.minor
    FROM (SELECT t.group_id, t.due_id,
                 sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END) AS minor
          FROM ledger_transfers t
          WHERE t.due_id IS NOT NULL
              AND CASE WHEN t.reverses IS NULL THEN t.debit ELSE t.credit END ~ '^(held|provider|advance)/'
              AND CASE WHEN t.reverses IS NULL THEN t.credit ELSE t.debit END ~ '^(pot|fee|fund)/'
          GROUP BY t.group_id, t.due_id) p
    WHERE p.group_id = d.group_id AND p.due_id = d.id AND p.minor <> 0;

-- Rounds whose fines may still depend on somebody's answer are found without those before them.
CREATE INDEX rounds_fined ON rounds (group_id, cycle, fined_until) WHERE fined_until IS NOT NULL;
CREATE INDEX dues_open ON dues (group_id, member_id, due_at) WHERE open;
CREATE INDEX dues_of_loans ON dues (group_id, loan_id) WHERE loan_id IS NOT NULL;
"""

POST = """
-- Posts transfers, one or thousands, all or none, and returns their rows, those posted before included. What they pay
-- of a due, or take back, is counted on the due. Who posts for a due holds its member.
CREATE OR REPLACE FUNCTION ledger_post(p_group_id uuid, p_at timestamptz, p_requests ledger_request[])
    RETURNS SETOF ledger_transfers
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public
    -- Always by index: a plan made while the tables were empty must not outlive that.
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
    AS $$
DECLARE
    v_tenant_id uuid := nullif(current_setting('app.tenant', true), '')::uuid;
    v_request ledger_request;
    v_plain boolean;
    v_lane smallint;
    v_time bigint;
    v_hash bytea;
    v_row ledger_transfers;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        PERFORM ledger_refuse('EQ108', 'the ledger posts in read committed only', '');
    END IF;
    -- The usual case: one transfer between accounts that exist, taking from none that may not go below zero.
    -- Everything else goes the long way below, and so does what turns out to have been posted before.
    IF cardinality(p_requests) = 1 THEN
        v_request := p_requests[1];
        SELECT d.may_go_negative INTO v_plain
            FROM ledger_accounts d
            JOIN ledger_accounts c ON c.group_id = p_group_id AND c.name = v_request.credit
            WHERE d.group_id = p_group_id AND d.name = v_request.debit;
        IF v_plain AND v_request.reverses IS NULL AND v_request.amount_minor > 0
                AND v_request.debit <> v_request.credit THEN
            -- Its time is the clock's, in hundred-thousandths of a second, where that is past the lane's last: it
            -- depends on no other transfer, and those of all lanes are in order nearly as they came.
            SELECT h.lane, h.hash,
                   greatest(h.last_seq >> 3, (extract(epoch FROM clock_timestamp()) * 100000)::bigint) + 1
                INTO v_lane, v_hash, v_time
                FROM ledger_heads h WHERE h.group_id = p_group_id AND h.tenant_id = v_tenant_id
                    AND h.currency = v_request.currency
                ORDER BY h.lane LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
            IF FOUND THEN
                -- Both hashes are made as on the long way.
                v_row := ROW(p_group_id, v_request.id, v_tenant_id, v_time << 3 | v_lane, v_request.kind,
                    v_request.debit, v_request.credit, v_request.amount_minor, v_request.currency, p_at,
                    clock_timestamp(), v_request.reference,
                    sha256(record_send(ROW(NULL::uuid, v_request.kind, v_request.debit, v_request.credit,
                        v_request.amount_minor, v_request.currency, v_request.reference, v_request.payment_id,
                        v_request.due_id, v_request.payout_leg_id, NULL::uuid, v_request.memo))),
                    v_request.payment_id, v_request.due_id, v_request.payout_leg_id, NULL, v_request.memo, v_hash);
                v_hash := sha256(record_send(v_row));
                INSERT INTO ledger_transfers VALUES (p_group_id, v_row.id, v_row.tenant_id, v_row.seq, v_row.kind,
                        v_row.debit, v_row.credit, v_row.amount_minor, v_row.currency, v_row.at, v_row.posted_at,
                        v_row.reference, v_row.input_hash, v_row.payment_id, v_row.due_id, v_row.payout_leg_id,
                        v_row.reverses, v_row.memo, v_hash)
                    ON CONFLICT DO NOTHING;
                IF FOUND THEN
                    UPDATE ledger_heads SET transfers = transfers + 1, last_seq = v_row.seq, hash = v_hash
                        WHERE group_id = p_group_id AND lane = v_lane;
                    IF v_row.due_id IS NOT NULL AND v_row.debit ~ '^(held|provider|advance)/'
                            AND v_row.credit ~ '^(pot|fee|fund)/' THEN
                        UPDATE dues SET paid_minor = paid_minor + v_row.amount_minor
                            WHERE group_id = p_group_id AND id = v_row.due_id;
                    END IF;
                    v_row.hash := v_hash;
                    RETURN NEXT v_row;
                    RETURN;
                END IF;
            END IF;
        END IF;
    END IF;

    -- What only the long way needs is declared here: the short way would pay for it with each posting.
    DECLARE
        v_references text[] := '{}';
        v_inputs bytea[] := '{}';
        v_reverses boolean := false;
        v_repeated text[];
        v_currency text;
        v_debits text[] := '{}';
        v_names text[] := '{}';
        v_known integer;
        v_draining boolean;
        v_rows ledger_transfers[] := '{}';
        v_inserted integer;
    BEGIN
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
                -- One statement for each, by its key: for an array the planner would read every due of a large group.
                FOR i IN 1 .. v_inserted LOOP
                    v_row := v_rows[i];
                    CONTINUE WHEN v_row.due_id IS NULL;
                    IF v_row.reverses IS NULL AND v_row.debit ~ '^(held|provider|advance)/'
                            AND v_row.credit ~ '^(pot|fee|fund)/' THEN
                        UPDATE dues SET paid_minor = paid_minor + v_row.amount_minor
                            WHERE group_id = p_group_id AND id = v_row.due_id;
                    ELSIF v_row.reverses IS NOT NULL AND v_row.credit ~ '^(held|provider|advance)/'
                            AND v_row.debit ~ '^(pot|fee|fund)/' THEN
                        UPDATE dues SET paid_minor = paid_minor - v_row.amount_minor
                            WHERE group_id = p_group_id AND id = v_row.due_id;
                    END IF;
                END LOOP;
                RETURN;
            END IF;
            PERFORM ledger_explain_conflict(p_group_id, p_requests);
            IF v_inserted > 0 THEN
                PERFORM ledger_refuse('EQ107', 'some of it is being posted this moment', '');
            END IF;
            -- All of it was posted between our look and our insert, and is committed now: look again.
        END LOOP;
    END;
END $$;
"""


def upgrade() -> None:
    """Count what has been paid until now, and let the posting function go on with it."""
    run_script(DUES)
    run_script(POST)
