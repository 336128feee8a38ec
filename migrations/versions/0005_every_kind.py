"""What every kind of equb needs: dues of any kind, turns, bids, needs, guarantees, loans, proposals, disputes.

Nothing of what was written changes its meaning: a due without an account of its own belongs to its round's pot.
"""

from migrations.scripts import run_script

revision = "0005"
down_revision = "0004"

WIDER = """
ALTER TABLE members DROP CONSTRAINT members_status_check;
ALTER TABLE members ADD CHECK (status IN ('active', 'suspended', 'left'));

-- withdrawn: its holders left before it received. A short place joined late, pays from from_round on and receives
-- what it has paid.
ALTER TABLE lots
    ADD COLUMN status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'withdrawn')),
    ADD COLUMN place text NOT NULL DEFAULT 'full' CHECK (place IN ('full', 'short')),
    ADD COLUMN from_round integer NOT NULL DEFAULT 1 CHECK (from_round > 0);

-- account: what a payment of this due is credited to. ordinal: several of a kind in one round (fines by hand).
ALTER TABLE dues
    ADD COLUMN account text COLLATE "C",
    ADD COLUMN ordinal integer NOT NULL DEFAULT 1,
    ADD COLUMN deferred_until timestamptz,
    ADD COLUMN reason text;
UPDATE dues d SET account = 'pot/' || r.cycle || '/' || r.number
    FROM rounds r WHERE r.group_id = d.group_id AND r.id = d.round_id;
ALTER TABLE dues ALTER COLUMN account SET NOT NULL;
ALTER TABLE dues DROP CONSTRAINT dues_kind_check;
ALTER TABLE dues ADD CHECK (kind ~ '^[a-z_]{1,30}$');
ALTER TABLE dues DROP CONSTRAINT dues_group_id_round_id_holding_id_kind_key;
ALTER TABLE dues ADD UNIQUE (group_id, round_id, holding_id, kind, ordinal);

-- payer_id: who brought the money for somebody else's dues, a guarantor or a friend.
ALTER TABLE payments ADD COLUMN payer_id uuid;

-- Only a draw by the beacon has a list and a link; every other way of choosing says in its proof how it was done.
ALTER TABLE draws ALTER COLUMN list_id DROP NOT NULL, ALTER COLUMN link_number DROP NOT NULL;

ALTER TABLE payouts ADD COLUMN kind text NOT NULL DEFAULT 'pot' CHECK (kind ~ '^[a-z_]{1,30}$');
ALTER TABLE payouts DROP CONSTRAINT payouts_group_id_round_id_lot_id_key;
ALTER TABLE payouts ADD UNIQUE (group_id, round_id, lot_id, kind);
-- kind: what of the pot it is (pot, dividend, refund); supplier: to whom the money went where the pot is a thing.
ALTER TABLE payout_legs
    ADD COLUMN kind text NOT NULL DEFAULT 'pot' CHECK (kind ~ '^[a-z_]{1,30}$'),
    ADD COLUMN supplier text;
"""

TABLES = """
-- Which lot receives in which round, where that is known before: fixed by the group, or drawn once at the start.
CREATE TABLE turns (
    group_id uuid NOT NULL REFERENCES groups,
    cycle integer NOT NULL,
    round_number integer NOT NULL CHECK (round_number > 0),
    ordinal integer NOT NULL CHECK (ordinal > 0),
    tenant_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (group_id, cycle, round_number, ordinal),
    UNIQUE (group_id, lot_id),
    FOREIGN KEY (group_id, lot_id) REFERENCES lots
);

-- What a lot's holder would leave to the others to receive in this round. Withdrawn or outbid ones stay on record.
CREATE TABLE bids (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    round_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    member_id uuid NOT NULL,
    discount_minor bigint NOT NULL CHECK (discount_minor >= 0),
    made_at timestamptz NOT NULL,
    withdrawn_at timestamptz,
    PRIMARY KEY (group_id, id),
    FOREIGN KEY (group_id, round_id) REFERENCES rounds,
    FOREIGN KEY (group_id, lot_id) REFERENCES lots,
    FOREIGN KEY (group_id, member_id) REFERENCES members
);
CREATE INDEX bids_by_round ON bids (group_id, round_id);

-- Why somebody asks to receive soon. Told to the officers, who decide.
CREATE TABLE needs (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    cycle integer NOT NULL,
    member_id uuid NOT NULL,
    reason text NOT NULL,
    said_at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (group_id, id),
    FOREIGN KEY (group_id, member_id) REFERENCES members
);
CREATE INDEX needs_by_member ON needs (group_id, member_id);

-- Something that others must agree to before it is done: a swap, a guarantee, a change of rules, cash handed over.
-- needed: how many of those who are asked must say yes. outcome: done, refused, expired or withdrawn.
CREATE TABLE proposals (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind ~ '^[a-z_]{1,30}$'),
    payload jsonb NOT NULL,
    made_by uuid NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    needed integer NOT NULL CHECK (needed > 0),
    settled_at timestamptz,
    outcome text CHECK (outcome IN ('done', 'refused', 'expired', 'withdrawn')),
    reason text,
    PRIMARY KEY (group_id, id),
    FOREIGN KEY (group_id, made_by) REFERENCES members,
    CHECK ((settled_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX proposals_open ON proposals (group_id, kind) WHERE settled_at IS NULL;

CREATE TABLE votes (
    group_id uuid NOT NULL REFERENCES groups,
    proposal_id uuid NOT NULL,
    member_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    answer boolean,
    answered_at timestamptz,
    PRIMARY KEY (group_id, proposal_id, member_id),
    FOREIGN KEY (group_id, proposal_id) REFERENCES proposals,
    FOREIGN KEY (group_id, member_id) REFERENCES members,
    CHECK ((answer IS NULL) = (answered_at IS NULL))
);

-- Who answers for whose remaining dues after that one has received. Exists once the guarantor has consented.
CREATE TABLE guarantees (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    cycle integer NOT NULL,
    member_id uuid NOT NULL,
    guarantor_id uuid NOT NULL,
    consented_at timestamptz NOT NULL,
    called_at timestamptz,
    released_at timestamptz,
    PRIMARY KEY (group_id, id),
    FOREIGN KEY (group_id, member_id) REFERENCES members,
    FOREIGN KEY (group_id, guarantor_id) REFERENCES members,
    CHECK (member_id <> guarantor_id)
);
CREATE UNIQUE INDEX guarantees_standing ON guarantees (group_id, cycle, member_id, guarantor_id)
    WHERE released_at IS NULL;

-- Money lent out of a pot or a fund; what is to be repaid are dues of the kind loan.
CREATE TABLE loans (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    member_id uuid NOT NULL,
    account text COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    given_at timestamptz NOT NULL,
    given_by text NOT NULL,
    reversed_at timestamptz,
    PRIMARY KEY (group_id, id),
    FOREIGN KEY (group_id, member_id) REFERENCES members
);
CREATE INDEX loans_by_member ON loans (group_id, member_id);

-- A member says that the book is wrong: about a receipt (payment), a payout's leg or a due.
CREATE TABLE disputes (
    group_id uuid NOT NULL REFERENCES groups,
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    member_id uuid NOT NULL,
    about text NOT NULL CHECK (about IN ('payment', 'leg', 'due')),
    subject_id uuid NOT NULL,
    said text NOT NULL,
    opened_at timestamptz NOT NULL,
    answer text,
    answered_at timestamptz,
    answered_by text,
    outcome text CHECK (outcome IN ('corrected', 'stands', 'withdrawn')),
    PRIMARY KEY (group_id, id),
    FOREIGN KEY (group_id, member_id) REFERENCES members,
    CHECK ((answered_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX disputes_by_member ON disputes (group_id, member_id);
"""

SAFETY = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['turns', 'bids', 'needs', 'proposals', 'votes', 'guarantees', 'loans', 'disputes'] LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO equb_app', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format($p$CREATE POLICY tenant ON %I
            USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
            WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)$p$, name);
    END LOOP;
END $$;
-- Turns are laid anew while they are planned; what has been drawn stands in draws.
GRANT DELETE ON turns TO equb_app;
"""


def upgrade() -> None:
    """Widen what there is, and make the new tables."""
    run_script(WIDER)
    run_script(TABLES)
    run_script(SAFETY)
