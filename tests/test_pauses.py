"""Pauses: what the rules pause each year, and what officers pause by consent. Every round is held, none in a pause."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from asking import Admin, owner_of
from asking import neighbours as entered
from doors import Doors
from examples import Example
from hypothesis import given, settings
from hypothesis import strategies as st
from neighbours import ABEBE, DAY, LEMA, SARA, WEEK, always_the_same, neighbours

from core import groups
from core.cycle import pausing
from core.db import transaction
from core.errors import Refusal
from core.rules import Holidays, Pause, Rhythm, Rules, due_instants, well_formed
from core.rules.pauses import is_paused, orthodox_easter
from core.talking.rule_words import changed

ADDIS = "Africa/Addis_Ababa"
TODAY = date(2026, 11, 24)


@pytest.fixture
async def doors(tenant: UUID, at: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    at("2026-11-24 12:54")
    async with always_the_same(tenant, monkeypatch) as open_doors:
        yield open_doors


@pytest.fixture
async def admin(tenant: UUID, at: Callable[[str], object]) -> AsyncIterator[Admin]:
    at("2026-11-24 12:54")
    async with owner_of(tenant) as signed_in:
        yield signed_in


# --- What the rules pause ----------------------------------------------------------------------------------------

some_days = st.dates(date(2024, 1, 1), date(2032, 1, 1))
some_pauses = st.one_of(
    st.builds(
        lambda first, length: Pause(kind="days", from_on=first, to_on=first + timedelta(days=length)),
        some_days,
        st.integers(0, 200),
    ),
    st.builds(lambda month: Pause(kind="month", month=month), st.integers(1, 13)),
    st.builds(lambda fast: Pause(kind="fast", fast=fast), st.sampled_from(["lent", "filseta", "advent", "ramadan"])),
)
some_rhythms = st.one_of(
    st.builds(lambda every: Rhythm(kind="days", every=every), st.integers(1, 30)),
    st.builds(lambda day: Rhythm(kind="weekly", weekday=day), st.integers(1, 7)),
    st.builds(lambda every: Rhythm(kind="weekly", every=every), st.integers(1, 4)),
    st.builds(
        lambda day, calendar: Rhythm(kind="monthly", day=day, calendar=calendar),
        st.integers(1, 30),
        st.sampled_from(["gregorian", "ethiopian"]),
    ),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rhythm=some_rhythms,
    pauses=st.lists(some_pauses, max_size=4),
    country=st.sampled_from(["", "ET"]),
    lots=st.integers(2, 40),
    begun=st.integers(0, 2000 * 24).map(lambda hours: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours)),
)
def test_every_round_is_held_and_none_in_a_pause(
    rhythm: Rhythm, pauses: list[Pause], country: str, lots: int, begun: datetime
) -> None:
    plain = Rules(contribution_minor=1000, lots=lots, rhythm=rhythm, holidays=Holidays(country=country))
    rules = plain.model_copy(update={"pauses": tuple(pauses)})
    try:
        due = due_instants(rules, begun_at=begun, timezone=ADDIS)
    except Refusal as refusal:
        assert refusal.code == "rules.always_paused"
        return
    assert len(due) == rules.rounds
    assert all(earlier < later for earlier, later in pairwise(due))
    days = [(at + timedelta(hours=3)).date() for at in due]
    assert not any(is_paused(pauses, day) for day in days)
    if not country:
        # Rounds move by whole steps of the rhythm: every day is one that would have been without pauses.
        longer = due_instants(plain, begun_at=begun, timezone=ADDIS, rounds=lots + 3000 // _shortest(rhythm))
        assert set(due) <= set(longer)


def _shortest(rhythm: Rhythm) -> int:
    return {"daily": 1, "days": 1, "weekly": 7, "monthly": 28}[rhythm.kind] * rhythm.every


@pytest.mark.parametrize(
    ("fast", "first", "last"),
    [
        ("lent", "2026-02-16", "2026-04-11"),
        ("lent", "2027-03-08", "2027-05-01"),
        ("filseta", "2026-08-07", "2026-08-21"),
        ("advent", "2026-11-24", "2027-01-06"),
        ("ramadan", "2026-02-18", "2026-03-19"),
        ("ramadan", "2030-12-26", "2031-01-24"),
    ],
)
def test_a_fast_is_where_it_falls_that_year(fast: str, first: str, last: str) -> None:
    pause = Pause.model_validate({"kind": "fast", "fast": fast})
    begins, ends = date.fromisoformat(first), date.fromisoformat(last)
    assert is_paused([pause], begins)
    assert is_paused([pause], ends)
    assert not is_paused([pause], begins - DAY)
    assert not is_paused([pause], ends + DAY)


def test_easter_is_the_orthodox_churches() -> None:
    assert [orthodox_easter(year) for year in (2024, 2025, 2026)] == [
        date(2024, 5, 5),
        date(2025, 4, 20),
        date(2026, 4, 12),
    ]


def test_pauses_that_leave_no_day_are_refused() -> None:
    yearly = Rules(
        contribution_minor=1000,
        lots=4,
        rhythm=Rhythm(kind="monthly", day=1, calendar="ethiopian"),
        pauses=tuple(Pause(kind="month", month=month) for month in range(1, 13)),
    )
    with pytest.raises(Refusal) as refused:
        yearly.check(currency="ETB")
    assert refused.value.code == "rules.always_paused"
    crooked = yearly.model_copy(update={"pauses": (Pause(kind="fast", month=3),)})
    with pytest.raises(Refusal) as refused:
        crooked.check(currency="ETB")
    assert refused.value.code == "rules.pause"


def test_a_rule_set_without_pauses_is_the_one_that_members_have_accepted() -> None:
    rules = Rules(contribution_minor=1000, lots=4)
    assert rules.fingerprint() == rules.model_copy(update={"pauses": ()}).fingerprint()
    assert "pauses" not in rules.model_dump(exclude_defaults=True)


@pytest.mark.parametrize(
    ("typed", "pause"),
    [
        ("pause lent", Pause(kind="fast", fast="lent")),
        ("እረፍት ሁዳዴ", Pause(kind="fast", fast="lent")),
        ("pause Nehase", Pause(kind="month", month=12)),
        ("እረፍት 23 ታኅሣሥ 2019 እስከ 12 ጥር 2019", Pause(kind="days", from_on=date(2027, 1, 1), to_on=date(2027, 1, 20))),
        ("እረፍት ነሐሴ", Pause(kind="month", month=12)),
        ("pause 2027-01-01 until 2027-01-20", Pause(kind="days", from_on=date(2027, 1, 1), to_on=date(2027, 1, 20))),
    ],
)
def test_a_pause_is_typed(typed: str, pause: Pause) -> None:
    rules = changed(Rules(contribution_minor=1000, lots=4), typed.split(), "ETB", today=TODAY)
    assert rules.pauses == (pause,)
    assert well_formed(pause)
    again = changed(rules, typed.split(), "ETB", today=TODAY)
    assert again.pauses == (pause,), "said twice it is one"
    assert changed(rules, ["pause", "no"], "ETB", today=TODAY).pauses == ()


@pytest.mark.parametrize("typed", ["pause", "pause often", "pause 2027-01-20 2027-01-01", "pause 2027-01-20"])
def test_half_a_pause_is_not_guessed(typed: str) -> None:
    with pytest.raises(Refusal) as refused:
        changed(Rules(contribution_minor=1000, lots=4), typed.split(), "ETB", today=TODAY)
    assert refused.value.code == "rule.not_understood"


async def test_a_fast_without_rounds(doors: Doors, example: Example) -> None:
    """Four lots of 1,000 birr a week, begun on 24 November 2026; the rules pause from 5 to 20 December."""
    example.chapter("Rhythm and days")
    pause = Pause(kind="days", from_on=date(2026, 12, 5), to_on=date(2026, 12, 20))
    equb = await neighbours(doors, pauses=(pause,))
    for number, opens_at, due_at in await _rounds(doors, equb.group.group_id):
        example.row(f"round {number}", opens=f"{opens_at:%d %b %Y}", due=f"{due_at:%d %b %Y}")
    assert [f"{due:%m-%d}" for _, _, due in await _rounds(doors, equb.group.group_id)] == [
        "12-01",
        "12-22",
        "12-29",
        "01-05",
    ]
    assert "No round falls due from 5 Dec 2026 to 20 Dec 2026." in await equb.sms(LEMA, "RULES")


async def _rounds(doors: Doors, group_id: UUID) -> list[tuple[int, datetime, datetime]]:
    rows = await doors.rows(
        "SELECT number, opens_at, due_at FROM rounds WHERE group_id = :g ORDER BY number", g=group_id
    )
    return [(number, opens_at, due_at) for number, opens_at, due_at in rows]


# --- What officers pause -----------------------------------------------------------------------------------------


async def test_a_pause_moves_the_rounds_by_whole_steps_and_its_end_moves_them_back(
    doors: Doors, example: Example
) -> None:
    """Four lots a week. In the first week the organiser proposes to pause until 20 December; there is no second
    officer, so two members agree. On 9 December they end it."""
    example.chapter("Rhythm and days")
    equb = await neighbours(doors)
    before = await _rounds(doors, equb.group.group_id)
    assert "Round 2 would be due 22 Dec 2026" in await equb.sms(ABEBE, "PAUSE until 2026-12-20 a funeral")
    await equb.sms(ABEBE, "1")
    assert await _rounds(doors, equb.group.group_id) == before, "nothing moves before they agree"
    await equb.see()
    await equb.sms(SARA, "1")
    assert await _rounds(doors, equb.group.group_id) == before
    await equb.sms(LEMA, "1")
    paused = await _rounds(doors, equb.group.group_id)
    assert [due - was for (_, _, due), (_, _, was) in zip(paused, before, strict=True)] == [0 * WEEK] + [2 * WEEK] * 3
    assert [one for one in await equb.told("paused") if "a funeral" in one]
    await equb.everybody_pays()
    await doors.pass_time(15 * DAY)
    assert (
        await doors.value("SELECT opened_at FROM rounds WHERE group_id = :g AND number = 2", g=equb.group.group_id)
        is None
    )
    await equb.sms(ABEBE, "RESUME")
    await equb.sms(ABEBE, "1")
    await equb.see()
    await equb.sms(SARA, "1")
    await equb.sms(LEMA, "1")
    resumed = await _rounds(doors, equb.group.group_id)
    assert [due - was for (_, _, due), (_, _, was) in zip(resumed, before, strict=True)] == [0 * WEEK] + [WEEK] * 3
    for (number, _, was), (_, _, then), (_, _, now) in zip(before, paused, resumed, strict=True):
        example.row(f"round {number}", planned=f"{was:%d %b}", paused=f"{then:%d %b}", resumed=f"{now:%d %b}")
    await equb.everybody_pays()
    assert await equb.draw()
    assert await doors.value("SELECT count(*) FROM draws WHERE group_id = :g", g=equb.group.group_id) == 2


async def test_a_pause_that_is_ended_at_once_leaves_everything_as_it_was(doors: Doors) -> None:
    equb = await neighbours(doors, rhythm=Rhythm(kind="monthly", day=31))
    whole = "SELECT number, opens_at, due_at, cutoff_at, draw_at, beacon_round FROM rounds ORDER BY number"
    before = await doors.rows(whole)
    async with transaction(doors.tenant.id) as tx:
        group = await groups.by_id(tx, equb.group.group_id, lock=True)
        await pausing.pause(tx, group, await pausing.until_after(tx, group, 2), "a strike")
    assert await doors.rows(whole) != before
    async with transaction(doors.tenant.id) as tx:
        await pausing.resume(tx, await groups.by_id(tx, equb.group.group_id, lock=True))
    assert await doors.rows(whole) == before


async def test_the_round_of_a_late_joiner_comes_after_the_pause(doors: Doors) -> None:
    equb = await neighbours(doors, late_joiners="back_pay")
    async with transaction(doors.tenant.id) as tx:
        group = await groups.by_id(tx, equb.group.group_id, lock=True)
        await pausing.pause(tx, group, await pausing.until_after(tx, group, 1), "a strike")
    assert "Join if" in await doors.register("+251911000009", "Late", f"JOIN {equb.group.code}")
    await doors.sms("+251911000009", "1")
    await equb.see()
    await equb.sms(ABEBE, "1")
    due = [due_at for _, _, due_at in await _rounds(doors, equb.group.group_id)]
    assert [later - earlier for earlier, later in pairwise(due)] == [2 * WEEK, WEEK, WEEK, WEEK]


async def test_what_is_repaid_of_a_loan_moves_with_its_round(doors: Doors) -> None:
    equb = await neighbours(doors, loan_per_mille=500)
    await equb.everybody_pays()
    lot = await equb.draw()
    borrower = 3 if lot != 4 else 2
    await equb.sms(ABEBE, f"LOAN {borrower} 300 2")
    await equb.sms(ABEBE, "1")
    await equb.see()
    for phone in (SARA, LEMA, "+251911000004"):
        await equb.sms(phone, "1")
    parts = "SELECT d.due_at = r.due_at FROM dues d JOIN rounds r ON r.id = d.round_id WHERE d.kind = 'loan'"
    assert await doors.rows(parts) == [(True,)] * 2
    async with transaction(doors.tenant.id) as tx:
        group = await groups.by_id(tx, equb.group.group_id, lock=True)
        await pausing.pause(tx, group, await pausing.until_after(tx, group, 3), "a strike")
    assert await doors.rows(parts) == [(True,)] * 2


async def test_a_pause_through_the_api_is_agreed_on_phones(admin: Admin) -> None:
    equb = await entered(admin)
    await equb.begin()
    scene = equb.scene
    said = {"by": 1, "rounds": 1, "reason": "a strike"}
    assert (await admin.ask("POST", f"{equb.path}/pauses", json=said | {"until": "2027-01-01"})).status_code == 422
    assert (await admin.ask("POST", f"{equb.path}/pauses", json=said | {"by": 2})).status_code == 403
    due = (await admin.get(f"{equb.path}/rounds/2"))["due_at"]
    await admin.post(f"{equb.path}/pauses", said)
    assert await admin.all(f"{equb.path}/pauses") == []
    await scene.heard()
    for name, number in (("Sara", 2), ("Lema", 3)):
        scene.phone(name, "sms").address = f"+251911{number:06}"
        await scene.say(name, "sms", "1")
    (pause,) = await admin.all(f"{equb.path}/pauses")
    assert (pause["reason"], pause["ended_on"]) == ("a strike", None)
    moved = (await admin.get(f"{equb.path}/rounds/2"))["due_at"]
    assert datetime.fromisoformat(moved) - datetime.fromisoformat(due) == WEEK
    assert (await admin.ask("GET", f"{equb.path}/circle")).status_code in (200, 404)
    await admin.post(f"{equb.path}/pauses/resume", {"by": 1})
    await scene.heard()
    for name in ("Sara", "Lema"):
        await scene.say(name, "sms", "1")
    assert (await admin.all(f"{equb.path}/pauses"))[0]["ended_on"] is not None
    assert (await admin.get(f"{equb.path}/rounds/2"))["due_at"] == due
