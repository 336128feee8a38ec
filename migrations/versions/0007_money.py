"""Money in every form: how far a round's fines are assessed, what a loan's dues belong to, legs that shrink away."""

from migrations.scripts import run_script

revision = "0007"
down_revision = "0006"

MONEY = """
-- fined_until: fines are assessed up to this deadline. fines_done_at: nothing of the round can be fined any more.
ALTER TABLE rounds
    ADD COLUMN fined_until timestamptz,
    ADD COLUMN fines_done_at timestamptz;

-- Rounds of before had no fines; none is owed for them now.
UPDATE rounds SET fines_done_at = due_at WHERE opened_at IS NOT NULL;

ALTER TABLE dues ADD COLUMN loan_id uuid;

-- Where a pot turns out smaller, because somebody is excused, a leg that waits may come to nothing. What has been
-- paid is in the book and stays.
GRANT DELETE ON payout_legs TO equb_app;
"""


def upgrade() -> None:
    """Add what fines and loans keep, and let a leg go that is not to be paid."""
    run_script(MONEY)
