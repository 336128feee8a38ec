"""The ledger: what it promises whoever posts, whoever crowds it, and whoever tampers with it.

Against real PostgreSQL, as the application's own role. Tampering is done by a superuser with triggers off.
"""

import asyncio
import hashlib
import importlib.util
import random
import re
import struct
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import ledger
from core.db import transaction
from core.errors import NotFound, Refusal, TryLater
from core.ids import new_id
from core.ledger import Posting, Reversal, Transfer
from ops.commands import audit as audit_command

AT = datetime(2026, 3, 7, 9, 0, tzinfo=UTC)
EPOCH_OF_POSTGRES = datetime(2000, 1, 1, tzinfo=UTC)
NEVER_NEGATIVE = ("pot/", "advance/", "fund/")


@pytest.fixture
def new_group(superuser: Any, tenant: UUID) -> Callable[[], UUID]:
    """Makes groups of the tenant that have never posted."""

    def make(tenant_id: UUID = tenant) -> UUID:
        group_id = new_id()
        superuser.execute(
            "INSERT INTO groups (group_id, tenant_id, code, name, currency, rules, created_at)"
            " VALUES ($1, $2, 'LEDGER', 'Merkato', 'ETB', '{}', now())",
            group_id,
            tenant_id,
        )
        return group_id

    return make


@pytest.fixture
def group(new_group: Callable[[], UUID]) -> UUID:
    return new_group()


def paid(
    reference: str, amount_minor: int = 100, debit: str = "held/3", credit: str = "pot/1/1", **more: Any
) -> Posting:
    return Posting(
        kind="contribution",
        debit=debit,
        credit=credit,
        amount_minor=amount_minor,
        currency="ETB",
        reference=reference,
        **more,
    )


async def posted(tenant: UUID, group: UUID, *postings: Posting | Reversal) -> list[Transfer]:
    async with transaction(tenant) as tx:
        return await ledger.post(tx.session, group_id=group, postings=postings, at=AT)


async def balances(tenant: UUID, group: UUID) -> dict[str, int]:
    async with transaction(tenant) as tx:
        return await ledger.balances(tx.session, group_id=group)


async def found(tenant: UUID, group: UUID) -> set[str]:
    """The kinds of what the audit finds in a group."""
    async with transaction(tenant) as tx:
        return {finding.kind for finding in (await ledger.audit(tx.session, group)).findings}


# --- posting -------------------------------------------------------------------------------------


async def test_transfers_come_back_in_the_order_asked_for_and_move_both_balances(tenant: UUID, group: UUID) -> None:
    first, second = await posted(tenant, group, paid("z", 300), paid("a", 200, memo="ጥሬ ገንዘብ"))
    assert (first.reference, second.reference) == ("z", "a")
    assert (second.amount_minor, second.memo, second.at) == (200, "ጥሬ ገንዘብ", AT)
    assert first.seq < second.seq
    assert await balances(tenant, group) == {"held/3": 500, "pot/1/1": 500}


async def test_the_same_reference_and_content_gives_the_first_answer_again(tenant: UUID, group: UUID) -> None:
    (first,) = await posted(tenant, group, paid("sms:1"))
    assert await posted(tenant, group, paid("sms:1")) == [first]
    again, fresh, twice = await posted(tenant, group, paid("sms:1"), paid("sms:2"), paid("sms:2"))
    assert again == first
    assert fresh == twice and fresh.reference == "sms:2"
    assert await balances(tenant, group) == {"held/3": 200, "pot/1/1": 200}


async def test_a_payout_repeated_after_the_pot_is_empty_gives_the_first_answer(tenant: UUID, group: UUID) -> None:
    await posted(tenant, group, paid("in"))
    (out,) = await posted(tenant, group, paid("out", debit="pot/1/1", credit="held/1"))
    assert await posted(tenant, group, paid("out", debit="pot/1/1", credit="held/1")) == [out]


@pytest.mark.parametrize(
    "change", [{"amount_minor": 101}, {"credit": "pot/1/2"}, {"memo": "other"}, {"due_id": new_id()}]
)
async def test_the_same_reference_for_something_else_is_refused(
    tenant: UUID, group: UUID, change: dict[str, Any]
) -> None:
    await posted(tenant, group, paid("k"))
    with pytest.raises(ledger.ReferenceReused) as refused:
        await posted(tenant, group, paid("k", **change))
    assert refused.value.facts == {"reference": "k"}
    with pytest.raises(ledger.ReferenceReused):
        await posted(tenant, group, paid("n"), paid("n", **change))
    assert await balances(tenant, group) == {"held/3": 100, "pot/1/1": 100}


@pytest.mark.parametrize("account", ["pot/1/1", "advance/4", "fund/reserve"])
async def test_an_account_that_may_not_go_below_zero_does_not_and_no_amount_is_told(
    tenant: UUID, group: UUID, account: str
) -> None:
    await posted(tenant, group, paid("in", 777, credit=account))
    with pytest.raises(ledger.NotEnough) as refused:
        await posted(tenant, group, paid("out", 778, debit=account, credit="held/1"))
    assert refused.value.facts == {"account": account}
    assert "777" not in str(refused.value) and refused.value.__cause__ is None
    await posted(tenant, group, paid("out", 777, debit=account, credit="held/1"))


async def test_within_one_call_money_is_there_only_after_it_came_in(tenant: UUID, group: UUID) -> None:
    out, into = paid("out", debit="pot/1/1", credit="held/1"), paid("in")
    with pytest.raises(ledger.NotEnough):
        await posted(tenant, group, out, into)
    await posted(tenant, group, into, out)
    assert (await balances(tenant, group))["pot/1/1"] == 0


async def test_an_officer_may_advance_money_from_his_own_pocket(tenant: UUID, group: UUID) -> None:
    await posted(tenant, group, paid("lent", debit="fee/organiser", credit="held/1"))
    assert await balances(tenant, group) == {"fee/organiser": -100, "held/1": -100}


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"credit": "held/3"},
        {"credit": "purse/1"},
        {"credit": "pot/1"},
        {"credit": "pot/1/1\n"},
    ],
)
async def test_what_is_no_transfer_is_the_callers_mistake(tenant: UUID, group: UUID, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        await posted(tenant, group, paid("x"), paid("y", **wrong))
    assert await balances(tenant, group) == {}


async def test_another_currency_than_the_groups_is_the_callers_mistake(tenant: UUID, group: UUID) -> None:
    birr = paid("x")
    dollars = Posting(
        kind=birr.kind, debit=birr.debit, credit=birr.credit, amount_minor=1, currency="USD", reference="u"
    )
    with pytest.raises(ValueError):
        await posted(tenant, group, dollars)


async def test_a_refused_posting_leaves_nothing_and_the_transaction_goes_on_after_a_savepoint(
    tenant: UUID, group: UUID
) -> None:
    async with transaction(tenant) as tx:
        await ledger.post(tx.session, group_id=group, postings=[paid("a")], at=AT)
        with pytest.raises(ledger.NotEnough):
            async with tx.session.begin_nested():
                await ledger.post(
                    tx.session,
                    group_id=group,
                    postings=[paid("b"), paid("c", 900, debit="pot/1/1", credit="held/1")],
                    at=AT,
                )
        await ledger.post(tx.session, group_id=group, postings=[paid("d")], at=AT)
    assert await balances(tenant, group) == {"held/3": 200, "pot/1/1": 200}
    assert await found(tenant, group) == set()


async def test_posting_demands_read_committed_because_its_check_needs_a_fresh_look(
    tenant: UUID, group: UUID, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        with pytest.raises(asyncpg.PostgresError) as refused:
            async with connection.transaction(isolation="repeatable_read"):
                await connection.execute(f"SET LOCAL app.tenant = '{tenant}'")
                await connection.fetch(ledger.book._POST, group, AT, [ledger.book._request(paid("a"))])
        assert refused.value.sqlstate == "EQ108"
    finally:
        await connection.close()


# --- reversals and dues --------------------------------------------------------------------------


async def test_a_reversal_is_the_opposite_keeps_what_it_is_about_and_happens_once(tenant: UUID, group: UUID) -> None:
    payment, due = new_id(), new_id()
    (wrong,) = await posted(tenant, group, paid("a", payment_id=payment, due_id=due))
    async with transaction(tenant) as tx:
        undone = await ledger.reverse(tx.session, group_id=group, transfer_id=wrong.id, reference="r", at=AT)
    assert (undone.debit, undone.credit, undone.amount_minor) == ("pot/1/1", "held/3", 100)
    assert (undone.payment_id, undone.due_id, undone.reverses) == (payment, due, wrong.id)
    assert await posted(tenant, group, Reversal(reverses=wrong.id, reference="r")) == [undone]
    with pytest.raises(ledger.AlreadyReversed):
        await posted(tenant, group, Reversal(reverses=wrong.id, reference="r2"))
    with pytest.raises(ledger.CannotReverse):
        await posted(tenant, group, Reversal(reverses=undone.id, reference="r3"))
    with pytest.raises(ledger.CannotReverse):
        await posted(tenant, group, Reversal(reverses=new_id(), reference="r4"))
    assert await balances(tenant, group) == {"held/3": 0, "pot/1/1": 0}


async def test_one_call_cannot_reverse_a_transfer_twice(tenant: UUID, group: UUID) -> None:
    (wrong,) = await posted(tenant, group, paid("a"))
    await posted(tenant, group, paid("b"))
    with pytest.raises(ledger.AlreadyReversed):
        await posted(
            tenant,
            group,
            Reversal(reverses=wrong.id, reference="r1"),
            Reversal(reverses=wrong.id, reference="r2"),
        )


async def test_a_contribution_whose_pot_was_paid_out_cannot_be_reversed(tenant: UUID, group: UUID) -> None:
    (spent,) = await posted(tenant, group, paid("in"))
    await posted(tenant, group, paid("out", debit="pot/1/1", credit="held/1"))
    with pytest.raises(ledger.NotEnough):
        await posted(tenant, group, Reversal(reverses=spent.id, reference="r"))


async def test_a_due_paid_in_advance_counts_once_and_a_reversal_takes_it_back(tenant: UUID, group: UUID) -> None:
    due, fine, untouched = new_id(), new_id(), new_id()
    cash, early, settled, late = await posted(
        tenant,
        group,
        paid("cash", 40, due_id=due),
        paid("early", 60, credit="advance/3", due_id=due),
        paid("settled", 60, debit="advance/3", due_id=due),
        paid("late", 5, credit="fee/organiser", due_id=fine),
    )

    async def asked() -> dict[UUID, int]:
        async with transaction(tenant) as tx:
            return await ledger.paid_by_due(tx.session, group_id=group, due_ids=[due, fine, untouched])

    assert await asked() == {due: 100, fine: 5, untouched: 0}
    await posted(tenant, group, Reversal(reverses=settled.id, reference="r1"))
    assert await asked() == {due: 40, fine: 5, untouched: 0}
    await posted(tenant, group, Reversal(reverses=cash.id, reference="r2"))
    await posted(tenant, group, Reversal(reverses=late.id, reference="r3"))
    assert await asked() == {due: 0, fine: 0, untouched: 0}
    assert early.credit == "advance/3"


async def test_transfers_are_paged_without_gap_or_repeat_and_filtered(tenant: UUID, group: UUID) -> None:
    payment = new_id()
    everything = await posted(
        tenant, group, *(paid(f"p{n}", credit=f"pot/1/{n % 2 + 1}", payment_id=payment) for n in range(7))
    )
    async with transaction(tenant) as tx:
        pages, after = [], None
        while page := await ledger.transfers(tx.session, group_id=group, limit=3, after=after):
            pages.append([transfer.reference for transfer in page])
            after = page[-1].id
        assert pages == [["p6", "p5", "p4"], ["p3", "p2", "p1"], ["p0"]]
        of_pot = await ledger.transfers(tx.session, group_id=group, account="pot/1/2", newest_first=False)
        assert [transfer.reference for transfer in of_pot] == ["p1", "p3", "p5"]
        assert len(await ledger.transfers(tx.session, group_id=group, payment_id=payment)) == len(everything)
        assert await ledger.transfers(tx.session, group_id=group, due_id=new_id()) == []
        assert await ledger.balance(tx.session, group_id=group, account="pot/1/2") == 300
        assert await ledger.balance(tx.session, group_id=group, account="pot/9/9") == 0


# --- any sequence --------------------------------------------------------------------------------

ACCOUNTS = ("held/1", "held/2", "pot/1/1", "pot/1/2", "advance/1", "fee/organiser", "provider/telebirr")
a_request = st.tuples(
    st.sampled_from(["post", "post", "post", "repeat", "reuse", "reverse"]),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(ACCOUNTS),
    st.integers(min_value=1, max_value=50),
    st.integers(min_value=0, max_value=30),
)


class Model:
    """What the book must hold, kept in the simplest way there is."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[Posting | Reversal, str, str, int]] = {}
        self.ids: dict[UUID, str] = {}
        self.reversed: set[UUID] = set()

    def balance(self, account: str) -> int:
        credit = sum(r[3] for r in self.rows.values() if r[2] == account)
        debit = sum(r[3] for r in self.rows.values() if r[1] == account)
        return credit - debit

    def try_all(self, asked: list[Posting | Reversal]) -> tuple[type[Refusal], ...]:
        """Post all of it or none; the refusals that are due, any of which may be named; none when it is posted."""
        before = (dict(self.rows), dict(self.ids), set(self.reversed))
        refused: set[type[Refusal]] = set()
        for posting in asked:
            self._try_one(posting, refused)
        if refused:
            self.rows, self.ids, self.reversed = before
        for alike in ((ledger.ReferenceReused,), (ledger.CannotReverse, ledger.AlreadyReversed), (ledger.NotEnough,)):
            due = tuple(kind for kind in alike if kind in refused)
            if due:
                return due
        return ()

    def _try_one(self, posting: Posting | Reversal, refused: set[type[Refusal]]) -> None:
        known = self.rows.get(posting.reference)
        if known is not None:
            if known[0] != posting:
                refused.add(ledger.ReferenceReused)
            return
        if isinstance(posting, Posting):
            debit, credit, amount_minor = posting.debit, posting.credit, posting.amount_minor
        else:
            original = self.rows[self.ids[posting.reverses]]
            if isinstance(original[0], Reversal):
                refused.add(ledger.CannotReverse)
                return
            if posting.reverses in self.reversed:
                refused.add(ledger.AlreadyReversed)
                return
            self.reversed.add(posting.reverses)
            debit, credit, amount_minor = original[2], original[1], original[3]
        if debit.startswith(NEVER_NEGATIVE) and self.balance(debit) < amount_minor:
            refused.add(ledger.NotEnough)
        self.rows[posting.reference] = (posting, debit, credit, amount_minor)
        self.ids[posting.id] = posting.reference


def understood(model: Model, requests: list[tuple[str, str, str, int, int]]) -> list[Posting | Reversal]:
    """Turn what Hypothesis drew into postings; earlier ones are picked from what the model holds."""
    asked: list[Posting | Reversal] = []
    for what, debit, credit, amount_minor, pick in requests:
        earlier = list(model.rows.values())
        if what == "post" or not earlier:
            if debit != credit:
                asked.append(paid(f"n{new_id()}", amount_minor, debit, credit))
        elif what == "repeat":
            asked.append(earlier[pick % len(earlier)][0])
        elif what == "reverse":
            chosen = earlier[pick % len(earlier)][0]
            asked.append(Reversal(reverses=chosen.id, reference=f"r{chosen.id}{amount_minor % 2}"))
        elif debit != credit:
            asked.append(paid(earlier[pick % len(earlier)][0].reference, amount_minor + 50, debit, credit))
    return asked


@given(calls=st.lists(st.lists(a_request, min_size=1, max_size=4), min_size=1, max_size=12))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_sequence_of_postings_repeats_and_reversals_keeps_the_book_sound(
    tenant: UUID, new_group: Callable[[], UUID], calls: list[list[tuple[str, str, str, int, int]]]
) -> None:
    group, model = new_group(), Model()
    for requests in calls:
        asked = understood(model, requests)
        references = [posting.reference for posting in asked]
        if len(set(references)) < len(references):
            continue  # what one call says twice is tested by itself
        expected = model.try_all(asked)
        if not expected:
            for posting, transfer in zip(asked, await posted(tenant, group, *asked), strict=True):
                known, debit, credit, amount_minor = model.rows[posting.reference]
                assert transfer.id == known.id  # a repeat: the first one's
                assert (transfer.debit, transfer.credit, transfer.amount_minor) == (debit, credit, amount_minor)
        else:
            with pytest.raises(Refusal) as refused:
                await posted(tenant, group, *asked)
            # One call that takes the same transfer back twice is wrong in two ways; either may be named.
            taken_back = [posting.reverses for posting in asked if isinstance(posting, Reversal)]
            twice = len(set(taken_back)) < len(taken_back)
            assert isinstance(refused.value, (*expected, ledger.NotEnough) if twice else expected)
    for account, minor in (await balances(tenant, group)).items():
        assert minor == model.balance(account) * (-1 if account.startswith(("held/", "provider/")) else 1)
        assert minor >= 0 or not account.startswith(NEVER_NEGATIVE)
    async with transaction(tenant) as tx:
        report = await ledger.audit(tx.session, group)
    assert (report.findings, report.transfers) == ((), len(model.rows))


# --- many at once --------------------------------------------------------------------------------


async def test_paying_into_a_pot_waits_for_nobody_and_a_late_commit_is_in_the_chain(tenant: UUID, group: UUID) -> None:
    await posted(tenant, group, paid("first"))
    async with transaction(tenant) as slow:
        await ledger.post(slow.session, group_id=group, postings=[paid("slow")], at=AT)
        async with asyncio.timeout(5):
            await posted(tenant, group, paid("quick"))
        assert await found(tenant, group) == set()
    assert await found(tenant, group) == set()
    assert (await balances(tenant, group))["pot/1/1"] == 300


async def test_two_at_once_with_one_reference_post_once_and_get_the_same_answer(tenant: UUID, group: UUID) -> None:
    answers = await asyncio.gather(*(posted(tenant, group, paid("same")) for _ in range(8)))
    assert len({answer[0].id for answer in answers}) == 1
    assert await balances(tenant, group) == {"held/3": 100, "pot/1/1": 100}
    assert await found(tenant, group) == set()


async def test_two_at_once_cannot_spend_the_same_money(tenant: UUID, group: UUID) -> None:
    await posted(tenant, group, paid("in", 100))
    outcomes = await asyncio.gather(
        *(posted(tenant, group, paid(f"out{n}", 60, "pot/1/1", "held/1")) for n in range(8)),
        return_exceptions=True,
    )
    assert Counter(type(outcome) for outcome in outcomes) == {list: 1, ledger.NotEnough: 7}
    assert (await balances(tenant, group))["pot/1/1"] == 40


async def test_two_at_once_reverse_a_transfer_once(tenant: UUID, group: UUID) -> None:
    wrong, _ = await posted(tenant, group, paid("a"), paid("b", 900))
    outcomes = await asyncio.gather(
        *(posted(tenant, group, Reversal(reverses=wrong.id, reference=f"r{n}")) for n in range(8)),
        return_exceptions=True,
    )
    assert Counter(type(outcome) for outcome in outcomes) == {list: 1, ledger.AlreadyReversed: 7}


async def test_bulk_postings_that_overlap_in_any_order_never_wait_crosswise(tenant: UUID, group: UUID) -> None:
    whole = [paid(f"row{n}", due_id=None) for n in range(60)]

    async def import_file(seed: int) -> int:
        mine = random.Random(seed).sample(whole, 40)
        while True:
            try:
                return len(await posted(tenant, group, *mine))
            except TryLater:
                continue

    assert await asyncio.gather(*(import_file(seed) for seed in range(6))) == [40] * 6
    assert await found(tenant, group) == set()
    async with transaction(tenant) as tx:
        rows = await ledger.transfers(tx.session, group_id=group, limit=1000)
    assert len(rows) == len({row.reference for row in rows}) <= 60


async def test_sixteen_clients_hammering_one_group_lose_and_double_nothing(
    tenant: UUID, group: UUID, database_url: str
) -> None:
    acknowledged: dict[str, tuple[UUID, int]] = {}
    refused: Counter[str] = Counter()
    shared = [paid(f"shared{n}", 7, credit="pot/1/1") for n in range(40)]
    done = False

    async def client(number: int) -> None:
        choice = random.Random(number)
        connection = await asyncpg.connect(database_url, server_settings={"app.tenant": str(tenant)})
        mine: list[UUID] = []
        for n in range(60):
            what = choice.random()
            asked: list[Posting | Reversal]
            if what < 0.5:
                pot = f"pot/1/{choice.randint(1, 2)}"
                asked = [paid(f"{number}:{n}", choice.randint(1, 90), f"held/{choice.randint(1, 3)}", pot)]
            elif what < 0.65:
                asked = [choice.choice(shared)]
            elif what < 0.8:
                asked = [paid(f"{number}:{n}", choice.randint(1, 300), "pot/1/1", "held/1")]
            elif what < 0.9 and mine:
                asked = [Reversal(reverses=choice.choice(mine), reference=f"{number}:{n}")]
            else:
                asked = [paid(f"{number}:{n}:{i}", 3, credit="advance/1") for i in range(5)]
                asked.append(paid(f"{number}:{n}:out", 14, "advance/1", "pot/1/2"))
            try:
                requests = [ledger.book._request(posting) for posting in asked]
                rows = await connection.fetch(ledger.book._POST, group, AT, requests)
            except asyncpg.PostgresError as error:
                refused[str(error.sqlstate)] += 1
                continue
            for row in rows:
                assert acknowledged.setdefault(row["reference"], (row["id"], row["amount_minor"])) == (
                    row["id"],
                    row["amount_minor"],
                )
                mine.append(row["id"])
        await connection.close()

    async def auditor() -> int:
        looks = 0
        while not done:
            assert await found(tenant, group) == set()
            looks += 1
        return looks

    watching = asyncio.create_task(auditor())
    await asyncio.gather(*(client(number) for number in range(16)))
    done = True
    assert await watching > 0
    assert set(refused) <= {"EQ101", "EQ103", "EQ104"}, refused
    async with transaction(tenant) as tx:
        in_book: dict[str, tuple[UUID, int]] = {}
        after = None
        while page := await ledger.transfers(tx.session, group_id=group, limit=1000, after=after):
            in_book |= {row.reference: (row.id, row.amount_minor) for row in page}
            after = page[-1].id
        assert in_book == acknowledged
        held = await ledger.balances(tx.session, group_id=group)
        assert sum(v if k.startswith("held/") else -v for k, v in held.items()) == 0
        assert (await ledger.audit(tx.session, group)).sound
        lanes = await tx.session.connection()
        used = (await lanes.exec_driver_sql("SELECT count(*) FROM ledger_heads WHERE transfers > 0")).scalar_one()
        assert used > 1  # they did not queue


# --- tampering -----------------------------------------------------------------------------------

MIDDLE = "id = (SELECT id FROM ledger_transfers WHERE group_id = $1 ORDER BY seq OFFSET 2 LIMIT 1)"
LAST = "id = (SELECT id FROM ledger_transfers WHERE group_id = $1 ORDER BY seq DESC LIMIT 1)"
PLANTED = {
    "an amount is changed": (f"UPDATE ledger_transfers SET amount_minor = 1 WHERE group_id = $1 AND {MIDDLE}", "chain"),
    "a memo is changed": (f"UPDATE ledger_transfers SET memo = 'x' WHERE group_id = $1 AND {LAST}", "chain"),
    "a time is changed": (f"UPDATE ledger_transfers SET at = now() WHERE group_id = $1 AND {LAST}", "chain"),
    "a due is changed": (
        f"UPDATE ledger_transfers SET due_id = gen_random_uuid() WHERE group_id = $1 AND {MIDDLE}",
        "input",
    ),
    "a transfer in the middle is removed": (f"DELETE FROM ledger_transfers WHERE group_id = $1 AND {MIDDLE}", "chain"),
    "the last transfer is removed": (f"DELETE FROM ledger_transfers WHERE group_id = $1 AND {LAST}", "head"),
    "every transfer is removed": ("DELETE FROM ledger_transfers WHERE group_id = $1", "head"),
    "a transfer is slipped in": (
        f"""INSERT INTO ledger_transfers SELECT group_id, gen_random_uuid(), tenant_id, seq + 8, kind, debit, credit,
            amount_minor, currency, at, posted_at, 'slipped', input_hash, payment_id, due_id, payout_leg_id,
            NULL, memo, hash FROM ledger_transfers WHERE group_id = $1 AND {LAST}""",
        "head",
    ),
    "two transfers change places": (
        """UPDATE ledger_transfers t SET seq = o.seq FROM ledger_transfers o WHERE t.group_id = $1
           AND o.group_id = $1 AND (t.reference, o.reference) IN (('t1', 't2'), ('t2', 't1'))""",
        "chain",
    ),
    "a head is changed": ("UPDATE ledger_heads SET hash = '\\x00' WHERE group_id = $1 AND lane = 0", "head"),
    "a lane is removed": ("DELETE FROM ledger_heads WHERE group_id = $1 AND lane = 7", "head"),
    "an account gets other rights": (
        "UPDATE ledger_accounts SET may_go_negative = true WHERE group_id = $1 AND name = 'pot/1/1'",
        "account",
    ),
    "an account is removed": ("DELETE FROM ledger_accounts WHERE group_id = $1 AND name = 'pot/1/1'", "account"),
    "an account is slipped in": (
        "INSERT INTO ledger_accounts SELECT group_id, 'held/99', tenant_id, currency, true, true"
        " FROM ledger_accounts WHERE group_id = $1 LIMIT 1",
        "account",
    ),
    "a transfer is moved to another account": (
        f"UPDATE ledger_transfers SET debit = 'held/9' WHERE group_id = $1 AND {MIDDLE}",
        "chain",
    ),
    "a reversal is turned into a payment": (
        "UPDATE ledger_transfers SET reverses = NULL WHERE group_id = $1 AND reference = 'back'",
        "chain",
    ),
}


@pytest.mark.parametrize("what", PLANTED)
async def test_tampering_is_found(tenant: UUID, group: UUID, superuser: Any, what: str) -> None:
    rows = await posted(tenant, group, *(paid(f"t{n}", due_id=new_id()) for n in range(5)))
    await posted(tenant, group, Reversal(reverses=rows[0].id, reference="back"))
    assert await found(tenant, group) == set()
    sql, kind = PLANTED[what]
    superuser.execute(sql, group)
    assert kind in await found(tenant, group)


async def test_money_below_zero_is_found_even_where_the_hashes_were_made_to_fit(
    tenant: UUID, group: UUID, superuser: Any
) -> None:
    await posted(tenant, group, paid("in", 100))
    superuser.execute("UPDATE ledger_accounts SET may_go_negative = true WHERE group_id = $1", group)
    await posted(tenant, group, paid("out", 500, "pot/1/1", "held/1"))
    assert {"negative", "account"} <= await found(tenant, group)


@pytest.fixture
def new_due(superuser: Any, tenant: UUID, group: UUID) -> Callable[[], UUID]:
    """Makes dues of 100 that nobody has paid anything of."""

    def make() -> UUID:
        due = new_id()
        superuser.execute(
            "INSERT INTO dues (group_id, id, tenant_id, round_id, holding_id, lot_id, member_id, amount_minor, account,"
            " due_at) VALUES ($1, $2, $3, $2, $2, $2, $2, 100, 'pot/1/1', now())",
            group,
            due,
            tenant,
        )
        return due

    return make


async def test_a_due_paid_twice_is_found(tenant: UUID, group: UUID, new_due: Callable[[], UUID]) -> None:
    due = new_due()
    await posted(tenant, group, paid("a", 100, due_id=due))
    assert await found(tenant, group) == set()
    await posted(tenant, group, paid("b", 1, due_id=due))
    assert await found(tenant, group) == {"overpaid"}


@pytest.fixture
def paid_of(superuser: Any, group: UUID) -> Callable[[UUID], int]:
    """What stands on a due as paid."""

    def ask(due: UUID) -> int:
        rows = superuser.rows("SELECT paid_minor FROM dues WHERE group_id = $1 AND id = $2", group, due)
        return int(rows[0][0])

    return ask


async def test_what_is_posted_for_a_due_stands_on_it_until_it_is_reversed(
    tenant: UUID, group: UUID, new_due: Callable[[], UUID], paid_of: Callable[[UUID], int]
) -> None:
    one, other = new_due(), new_due()
    # Accounts that are new, accounts that are known, several at once, from an advance.
    await posted(tenant, group, paid("a", 10, due_id=one))
    (known,) = await posted(tenant, group, paid("b", 20, due_id=one))
    await posted(tenant, group, paid("c", 30, due_id=one), paid("d", 5, credit="advance/3", due_id=other))
    assert (paid_of(one), paid_of(other)) == (60, 0)
    (ahead,) = await posted(tenant, group, paid("e", 5, debit="advance/3", due_id=other))
    assert (paid_of(one), paid_of(other)) == (60, 5)
    # Repeats count once.
    await posted(tenant, group, paid("b", 20, due_id=one))
    await posted(tenant, group, paid("b", 20, due_id=one), paid("c", 30, due_id=one))
    assert paid_of(one) == 60
    await posted(tenant, group, *(Reversal(reverses=t.id, reference=f"r{t.reference}") for t in (known, ahead)))
    assert (paid_of(one), paid_of(other)) == (40, 0)
    with pytest.raises(ledger.NotEnough):
        await posted(tenant, group, paid("f", 100, due_id=one), paid("g", 500, "pot/1/1", "held/1"))
    assert paid_of(one) == 40
    assert await found(tenant, group) == set()


async def test_many_paying_one_due_at_once_lose_none_of_it(
    tenant: UUID, group: UUID, new_due: Callable[[], UUID], paid_of: Callable[[UUID], int]
) -> None:
    due, other = new_due(), new_due()
    await asyncio.gather(*(posted(tenant, group, paid(f"p{n // 2}", 1, due_id=due)) for n in range(60)))
    assert (paid_of(due), paid_of(other)) == (30, 0)
    assert await found(tenant, group) == set()


async def test_what_is_paid_is_written_by_the_ledger_alone_and_a_change_is_found(
    tenant: UUID, group: UUID, new_due: Callable[[], UUID], superuser: Any, database_url: str
) -> None:
    due = new_due()
    await posted(tenant, group, paid("a", 40, due_id=due))
    connection = await asyncpg.connect(database_url, server_settings={"app.tenant": str(tenant)})
    try:
        for statement in (
            "UPDATE dues SET paid_minor = amount_minor",
            "INSERT INTO dues (group_id, id, paid_minor) VALUES (gen_random_uuid(), gen_random_uuid(), 1)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
    superuser.execute("UPDATE dues SET paid_minor = amount_minor WHERE group_id = $1", group)
    assert await found(tenant, group) == {"due"}


async def test_dues_of_before_get_what_was_paid_of_them(
    tenant: UUID,
    group: UUID,
    new_due: Callable[[], UUID],
    paid_of: Callable[[UUID], int],
    superuser: Any,
    owner_url: str,
) -> None:
    """The step of the migration that fills the column, run as the role that migrates, which is no superuser."""
    one, other = new_due(), new_due()
    (wrong,) = await posted(tenant, group, paid("a", 40, due_id=one))
    await posted(tenant, group, paid("b", 70, due_id=one), paid("c", 9, credit="advance/3", due_id=other))
    await posted(tenant, group, Reversal(reverses=wrong.id, reference="r"))
    superuser.execute("UPDATE dues SET paid_minor = 0 WHERE group_id = $1", group)
    (fill,) = re.findall(r"UPDATE dues d SET paid_minor.*?;", _migration("0015_paid").DUES, re.DOTALL)
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(fill)
    finally:
        await connection.close()
    assert (paid_of(one), paid_of(other)) == (70, 0)
    assert await found(tenant, group) == set()


def _migration(name: str) -> Any:
    """A migration's module, whose name is none that could be imported."""
    path = Path(__file__).parent.parent / "migrations" / "versions" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"migration_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_a_row_hidden_under_another_tenant_is_missed(tenant: UUID, group: UUID, superuser: Any) -> None:
    await posted(tenant, group, paid("a"), paid("b"))
    superuser.execute("UPDATE ledger_transfers SET tenant_id = gen_random_uuid() WHERE reference = 'a'")
    assert {"chain", "head"} <= await found(tenant, group)


async def test_the_chain_can_be_recomputed_outside_of_the_database(tenant: UUID, group: UUID, superuser: Any) -> None:
    payment, leg = new_id(), new_id()
    await posted(tenant, group, paid("a", payment_id=payment), paid("ለ", payout_leg_id=leg, memo="ዕጣ"))
    previous = b""
    for row in superuser.rows("SELECT * FROM ledger_transfers WHERE group_id = $1 ORDER BY seq", group):
        previous = hashlib.sha256(_as_sent({**dict(row), "hash": previous})).digest()
        assert previous == row["hash"]


def _as_sent(row: dict[str, Any]) -> bytes:
    """A row as PostgreSQL's binary protocol sends a record: count, then type, length and bytes of each."""
    names = [
        *("group_id", "id", "tenant_id", "seq", "kind", "debit", "credit", "amount_minor", "currency", "at"),
        *("posted_at", "reference", "input_hash", "payment_id", "due_id", "payout_leg_id", "reverses", "memo"),
        "hash",
    ]
    uuids = {"group_id", "id", "tenant_id", "payment_id", "due_id", "payout_leg_id", "reverses"}
    content = struct.pack(">i", len(names))
    for name in names:
        value = row[name]
        if name in uuids:
            kind, sent = 2950, value.bytes if value else None
        elif isinstance(value, datetime):
            micros = (value - EPOCH_OF_POSTGRES) // (datetime.resolution)
            kind, sent = 1184, struct.pack(">q", micros)
        elif isinstance(value, int):
            kind, sent = 20, struct.pack(">q", value)
        elif isinstance(value, bytes):
            kind, sent = 17, value
        else:
            kind, sent = 25, value.encode()
        content += struct.pack(">ii", kind, -1 if sent is None else len(sent)) + (sent or b"")
    return content


async def test_the_root_stands_for_everything_posted(tenant: UUID, group: UUID) -> None:
    seen = []
    for n in range(3):
        await posted(tenant, group, paid(f"a{n}"))
        async with transaction(tenant) as tx:
            seen.append(await ledger.root(tx.session, group_id=group))
            assert await ledger.root(tx.session, group_id=group) == seen[-1]
    assert len(set(seen)) == 3


# --- who may do what -----------------------------------------------------------------------------

TABLES = ("ledger_transfers", "ledger_accounts", "ledger_heads")
FORBIDDEN = [
    statement.format(table=table)
    for table in TABLES
    for statement in (
        "UPDATE {table} SET currency = 'USD'",
        "DELETE FROM {table}",
        "TRUNCATE {table}",
        "INSERT INTO {table} SELECT * FROM {table}",
    )
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_application_may_write_the_ledger_in_no_other_way(
    tenant: UUID, group: UUID, database_url: str, statement: str
) -> None:
    await posted(tenant, group, paid("a"))
    connection = await asyncpg.connect(database_url, server_settings={"app.tenant": str(tenant)})
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("statement", FORBIDDEN)
@pytest.mark.parametrize("role", ["owner", "superuser"])
async def test_whoever_owns_the_tables_is_refused_by_triggers(
    tenant: UUID, group: UUID, owner_url: str, superuser_url: str, statement: str, role: str
) -> None:
    await posted(tenant, group, paid("a"))
    url = owner_url if role == "owner" else superuser_url
    connection = await asyncpg.connect(url, server_settings={"app.tenant": str(tenant)})
    try:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(statement)
        assert refused.value.sqlstate in ("EQ001", "42501")
    finally:
        await connection.close()
    assert await balances(tenant, group) == {"held/3": 100, "pot/1/1": 100}


async def test_another_tenant_sees_nothing_and_cannot_post(
    tenant: UUID, group: UUID, new_group: Callable[..., UUID], database_url: str
) -> None:
    await posted(tenant, group, paid("a", 50))
    stranger = new_id()
    for attempt in (paid("a", 50), paid("b"), paid("c", 1, "pot/1/1", "held/1")):
        with pytest.raises(NotFound):
            await posted(stranger, group, attempt)
    with pytest.raises(NotFound):
        await posted(stranger, new_group(), paid("b"))
    with pytest.raises(NotFound):
        await posted(tenant, new_id(), paid("b"))
    assert await balances(stranger, group) == {}
    async with transaction(stranger) as tx:
        assert await ledger.transfers(tx.session, group_id=group) == []
        assert (await ledger.audit(tx.session)).groups == 0
    connection = await asyncpg.connect(database_url)
    try:
        for table in TABLES:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
        with pytest.raises(asyncpg.PostgresError) as refused:  # no tenant at all
            await connection.fetch(ledger.book._POST, group, AT, [ledger.book._request(paid("z"))])
        assert refused.value.sqlstate == "EQ105"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM ledger_groups()")
    finally:
        await connection.close()


async def test_a_group_found_by_the_application_alone_cannot_claim_another_tenants_book(
    tenant: UUID, group: UUID, superuser: Any
) -> None:
    await posted(tenant, group, paid("a"))
    other = new_id()
    superuser.execute("UPDATE groups SET tenant_id = $1 WHERE group_id = $2", other, group)
    with pytest.raises(NotFound):
        await posted(other, group, paid("b"))


# --- the operator's command ----------------------------------------------------------------------


async def test_the_operators_audit_covers_all_tenants_and_says_what_is_wrong(
    tenant: UUID, group: UUID, superuser: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    other_tenant, other_group = new_id(), new_id()
    superuser.execute(
        "INSERT INTO groups (group_id, tenant_id, code, name, currency, rules, created_at)"
        " VALUES ($1, $2, 'OTHER', 'Other', 'ETB', '{}', now())",
        other_group,
        other_tenant,
    )
    await posted(tenant, group, paid("a"))
    await posted(other_tenant, other_group, paid("a"), paid("b"))
    assert await asyncio.to_thread(audit_command.main, []) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[1].split() == ["2", "4", "3", said.splitlines()[1].split()[3], "0"]
    superuser.execute("DELETE FROM ledger_transfers WHERE reference = 'b'")
    assert await asyncio.to_thread(audit_command.main, []) == 1
    said = capsys.readouterr().out
    assert "OTHER" in said and "head" in said and "NOT sound" in said
    assert "LEDGER" not in said


async def test_an_id_that_another_transfer_has_is_the_callers_mistake(tenant: UUID, group: UUID) -> None:
    posting = paid("a")
    await posted(tenant, group, posting)
    with pytest.raises(ValueError, match=str(posting.id)):
        await posted(tenant, group, paid("b", id=posting.id))
    with pytest.raises(ValueError, match=str(posting.id)):
        await posted(tenant, group, paid("b"), paid("c", id=posting.id))


async def test_a_call_has_a_limit(tenant: UUID, group: UUID) -> None:
    with pytest.raises(ValueError, match="at most"):
        await posted(tenant, group, *(paid(f"n{n}") for n in range(ledger.book.MOST_POSTINGS + 1)))
    assert await posted(tenant, group) == []
