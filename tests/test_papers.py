"""Papers: they equal the ledger, read well in every language and form, and nobody gets one that is not theirs."""

import csv
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from asking import Equb, birr, neighbours, owner_of
from conftest import Superuser
from doors import Doors
from histories import Event, begun, events, fees, lived, ways_to_fill_a_lot, ways_with_money
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pdf_text import pages_of
from PIL import Image

from core import catalogues, clock, groups, ledger, papers, people
from core.db import transaction
from core.errors import NotFound, Refusal
from core.operator.bootstrap import make_tenant
from core.papers import Book, Hand, NotTheLedger, fonts, handing
from core.papers.circle import Circle, Place
from core.papers.picture import look_of
from core.papers.spreadsheets import csv_of, xlsx_of
from core.papers.tables import TABLES
from core.rules import Fee
from core.settings import settings as read_settings

ADDIS = "Africa/Addis_Ababa"
AM, EN = Hand.of("am", ADDIS), Hand.of("en", ADDIS)


async def read(tenant_id: UUID, group_id: UUID, *, of: int | None = None, lines: bool = False) -> Book:
    """A book as it is read for somebody who asks."""
    tenant = await people.tenant_by_id(tenant_id)
    async with transaction(tenant_id, now=clock.now(), snapshot=True) as tx:
        group = await groups.by_id(tx, group_id)
        if of is not None:
            return await papers.of_member(tx, tenant, group, of)
        return await papers.whole(tx, tenant, group, with_transfers=lines)


# --- It equals the ledger --------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lots=st.lists(ways_to_fill_a_lot, min_size=2, max_size=5),
    fee=fees,
    ways=ways_with_money,
    contribution=st.integers(1_000, 250_000),
    history=events,
)
async def test_whatever_happens_the_book_equals_the_ledger_and_the_statements_the_book(
    lots: list[tuple[Fraction, ...]], fee: Fee, ways: dict[str, Any], contribution: int, history: list[Event]
) -> None:
    tenant_id, group = await begun("papers", lots, fee, contribution, ways)
    await lived(tenant_id, group, history)
    whole = await read(tenant_id, group.group_id, lines=True)
    async with transaction(tenant_id, now=clock.now()) as tx:
        balances = await ledger.balances(tx.session, group_id=group.group_id)
    totals = whole.totals
    assert totals.in_hand_minor == sum(v for name, v in balances.items() if name.startswith("held/"))
    assert {account.name: account.balance_minor for account in whole.accounts} == balances
    assert {f"pot/{r.cycle}/{r.number}": r.left_minor for r in whole.rounds if r.left_minor} == {
        name: minor for name, minor in balances.items() if name.startswith("pot/") and minor
    }
    apart = [await read(tenant_id, group.group_id, of=one.number) for one in whole.members]
    for field in ("owed_minor", "paid_in_minor", "paid_out_minor", "open_minor", "late_minor"):
        assert sum(getattr(one.totals, field) for one in apart) == getattr(totals, field), field
    assert [one.members[0] for one in apart] == list(whole.members)
    for book in (whole, *apart[:2]):
        for render in papers.RENDERERS.values():
            assert render(book, AM)


@pytest.fixture
async def equb(tenant: UUID) -> AsyncIterator[Equb]:
    """Four lots, two rounds held: one who pays in part, one late, one in advance, a payment taken back, two payouts."""
    async with owner_of(tenant) as admin:
        equb = await neighbours(admin, fee={"kind": "per_mille", "per_mille": 25})
        await equb.begin()
        for name, paid in (("Abebe", "1000.00"), ("Sara", "2000.00"), ("Lema", "300.00"), ("Hana", "700.00")):
            await equb.pay(name, paid)
        twice = await equb.pay("Sara", "2000.00")
        await admin.post(f"/payments/{twice['id']}/reverse", {"reason": "=twice"}, status=200)
        await equb.until_drawn(1)
        for name, paid in (("Abebe", "2500.00"), ("Sara", "1250.00")):
            await equb.pay(name, paid)
        yield equb


def ids(equb: Equb) -> tuple[UUID, UUID]:
    return equb.admin.tenant.id, UUID(equb.group["id"])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE payments SET amount_minor = amount_minor + 1 WHERE reversed_at IS NULL", "receipt"),
        ("UPDATE payments SET reversed_at = NULL", "receipt"),
        ("UPDATE dues SET amount_minor = 1", "due of member"),
        ("DELETE FROM payments", "what came in"),
        ("DELETE FROM dues", "what was paid of the dues"),
    ],
)
async def test_a_book_that_does_not_equal_the_ledger_is_no_book(
    equb: Equb, superuser: Superuser, change: str, what: str
) -> None:
    assert (await read(*ids(equb))).totals.paid_in_minor == 775_000
    superuser.execute(change)
    with pytest.raises(NotTheLedger, match=what):
        await read(*ids(equb))


async def test_a_book_takes_as_many_statements_for_many_as_for_few(equb: Equb) -> None:
    from test_distribution import heard

    with heard() as first:
        await read(*ids(equb), lines=True)
    await equb.until_drawn(2)
    with heard() as second:
        await read(*ids(equb), lines=True)
    assert len(first) == len(second) <= 16
    for one in second:
        if one.concerns_a_group:
            assert one.unbound() == [], one.statement


# --- What stands on it -----------------------------------------------------------------------------------


async def test_the_printed_book_can_be_copied_from_and_says_every_sum(equb: Equb) -> None:
    book = await read(*ids(equb))
    pages = pages_of(papers.RENDERERS["pdf"](book, EN))
    text = "\n".join(pages)
    for said in ("The book of Merkato", "1,000 birr every week", "Abebe (organiser)", "7,750.00", "of it late"):
        assert said in text
    for one in book.members:
        assert EN.amount(one.paid_minor, "ETB") in text
    assert re.search(rf"page {len(pages)} of\s+{len(pages)}\b", text)
    # Both calendars, whoever reads: 22 Hidar 2019 is the first due day.
    assert "2026 (" in pages[0] and "2019)" in pages[0]


async def test_an_amharic_statement_is_ethiopian_first_and_names_are_whole(tenant: UUID) -> None:
    name = "ገብረመድኅን ወልደሥላሴ ኃይለማርያም ተክለሃይማኖት"
    async with owner_of(tenant) as admin:
        equb = await neighbours(admin, names=("Abebe", "Sara", "Lema", "Hana"))
        await admin.patch(f"/people/{equb.members['Sara']['person']}", {"name": name})
        await equb.begin()
        code = (await equb.pay("Sara", "2000.00"))["code"]
        book = await read(*ids(equb), of=2)
    text = "\n".join(pages_of(papers.RENDERERS["pdf"](book, AM)))
    for said in (f"የ{name} የሒሳብ መግለጫ", "ኅዳር 2019 (", "መዋጮ", code, "2,000 ብር", "ድምር"):
        assert said in text.replace("\n", " "), said


def test_what_no_font_has_is_a_question_mark_and_never_an_empty_frame() -> None:
    assert fonts.readable("Sara 😀 ሳራ ’ é") == "Sara ? ሳራ ’ é"


@pytest.mark.parametrize("language", list(catalogues.NAMES))
async def test_every_language_and_calendar_makes_every_paper(equb: Equb, language: str) -> None:
    """Also a language that is not complete yet: what it lacks stands in English."""
    book = await read(*ids(equb), lines=True)
    for calendar in ("ethiopian", "gregorian"):
        hand = Hand(language, calendar, ADDIS)
        assert papers.RENDERERS["pdf"](book, hand).startswith(b"%PDF")
        for name in TABLES:
            titles = next(csv.reader(io.StringIO(csv_of(book, hand, name).decode("utf-8-sig"))))
            assert len(titles) == len(set(titles)), "a reader can tell the columns apart"
        openpyxl.load_workbook(io.BytesIO(xlsx_of(book, hand)))


async def test_a_csv_opens_in_a_spreadsheet_without_doing_anything(equb: Equb) -> None:
    book = await read(*ids(equb))
    raw = csv_of(book, AM, "contributions")
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    assert {row[-1] for row in rows[1:]} == {"", "'=twice"}
    assert all(cell[:1] not in ("=", "+", "@", "\t") for row in rows for cell in row)
    assert sorted({row[3] for row in rows[1:3]}) == ["1000.00", "2000.00"]
    with pytest.raises(Refusal, match=r"paper\.no_such_table"):
        csv_of(book, AM, "phones")


async def test_a_workbook_has_numbers_dates_a_frozen_heading_and_filters(equb: Equb) -> None:
    book = await read(*ids(equb), lines=True)
    workbook = openpyxl.load_workbook(io.BytesIO(xlsx_of(book, EN)))
    names = ["Members", "Lots", "Rounds", "Dues", "Contributions", "Payouts", "Where the money is", "Ledger"]
    assert workbook.sheetnames == names
    for sheet in workbook:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert sheet["A1"].font.b
    dues = list(workbook["Dues"].iter_rows(min_row=2))
    assert sum(Decimal(str(row[7].value)) for row in dues) * 100 == sum(due.amount_minor for due in book.dues)
    assert sum(Decimal(str(row[8].value)) for row in dues) * 100 == sum(due.paid_minor for due in book.dues)
    first = dues[0]
    assert (first[3].value, first[7].value, first[7].number_format) == ("Abebe", 1000, "#,##0.00")
    local = book.dues[0].due_at.astimezone(EN.local(book.dues[0].due_at).tzinfo)
    assert first[6].value == datetime.combine(local.date(), datetime.min.time())
    assert workbook["Contributions"]["K6"].value == "=twice" and workbook["Contributions"]["K6"].data_type == "s"
    assert workbook["Ledger"].max_row == len(book.transfers) + 1


async def test_no_paper_holds_a_phone_number(equb: Equb) -> None:
    book = await read(*ids(equb), lines=True)
    for hand in (AM, EN):
        texts = ["\n".join(pages_of(papers.RENDERERS["pdf"](book, hand)))]
        texts += [csv_of(book, hand, name).decode() for name in TABLES]
        for text in texts:
            assert not re.search(r"\+?251[79]\d{8}|0[79]\d{8}", text.replace(",", "").replace(" ", ""))


# --- The picture -----------------------------------------------------------------------------------------

STANDINGS = ("good", "due", "late", "good")


def circle(lots: int, *, public: bool = False, frozen: bool = False) -> Circle:
    """A circle of so many lots, a third of which have received."""
    names = ("አልማዝ ደስታ", "Abdulqaadir Maxamed Xasan Cabdullaahi", "ገብረመድኅን ወልደሥላሴ ኃይለማርያም", "Hana 😀")
    places = [
        Place(
            number,
            names[: number % 4 + 1] if number % 5 == 0 else (names[number % 4],),
            number <= lots // 3,
            frozen and number > lots // 3,
            "hidden" if public else STANDINGS[number % 4],  # type: ignore[arg-type]
        )
        for number in range(1, lots + 1)
    ]
    due_at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    return Circle("መርካቶ Merkato", "running", 3, lots, due_at, 850_000, lots * 100_000, "ETB", due_at, False, places)


@pytest.mark.parametrize("lots", [2, 12, 13, 24, 25, 120, 600])
@pytest.mark.parametrize("hand", [AM, EN], ids=["am", "en"])
def test_the_picture_fits_a_telephone_whatever_the_size_of_the_group(lots: int, hand: Hand) -> None:
    made = papers.draw_circle(circle(lots, frozen=lots == 24), hand)
    image = Image.open(io.BytesIO(made))
    assert (image.format, image.size) == ("PNG", (1080, 1080))
    assert len(made) < 150_000


def test_each_standing_has_a_mark_of_its_own_and_the_public_sees_none_of_them() -> None:
    shown = circle(12)
    assert {look_of(place) for place in shown.places} == {"received", "good", "due", "late"}
    assert {look_of(place) for place in circle(12, frozen=True).places} == {"received", "next"}
    public = circle(12, public=True)
    assert {look_of(place) for place in public.places} == {"received", "waiting"}
    assert papers.draw_circle(public, EN) != papers.draw_circle(shown, EN)


async def test_the_circle_knows_who_has_received_who_has_paid_and_who_is_late(equb: Equb) -> None:
    tenant_id, group_id = ids(equb)
    async with transaction(tenant_id, now=clock.now()) as tx:
        group = await groups.by_id(tx, group_id)
        now = await papers.circle_of(tx, group)
        later = clock.now() + timedelta(days=8)
    assert (now.round, now.rounds, now.collected_minor, now.pot_minor) == (2, 4, 225_000, 400_000)
    assert sum(place.received for place in now.places) == 1
    by_lot = {place.number: place for place in now.places}
    assert by_lot[1].standing == "good", "Abebe has paid"
    assert {by_lot[2].standing, by_lot[3].standing} == {"good", "due"}, "Sara paid one of two lots and a quarter"
    assert (by_lot[4].standing, by_lot[4].names) == ("due", ("Lema", "Hana"))
    async with transaction(tenant_id, now=later) as tx:
        assert (await papers.circle_of(tx, group)).places[3].standing == "late"
        assert {p.standing for p in (await papers.circle_of(tx, group, public=True)).places} == {"hidden"}


# --- Handing out -----------------------------------------------------------------------------------------


async def _with_link(doors: Doors, word: str = "STATEMENT") -> str:
    """The path of a link that somebody was sent by SMS."""
    await doors.found("+251911000001", "Abebe", "NEW Merkato 1000 2 weekly")
    await doors.register("+251911000002", "Sara", f"JOIN {await doors.value('SELECT code FROM groups')}")
    await doors.sms("+251911000001", "BEGIN")
    await doors.wake()
    await doors.sms("+251911000001", "CASH 2 1000")
    link = re.search(r"http://\S+?(/paper/\S+)", await doors.sms("+251911000001", word))
    assert link is not None
    return link[1]


async def test_a_link_brings_the_same_paper_each_time_and_tells_machines_to_stay_away(doors: Doors) -> None:
    path = await _with_link(doors)
    first = await doors.client.get(path)
    assert (first.status_code, first.headers["content-type"]) == (200, "application/pdf")
    assert "noindex" in first.headers["x-robots-tag"]
    assert first.headers["cache-control"] == "private, no-store"
    assert "Statement for Abebe" in pages_of(first.content)[0]
    clock.set_to(clock.now() + timedelta(hours=3))
    await doors.sms("+251911000001", "CASH 1 1000")
    assert (await doors.client.get(path)).content == first.content


@pytest.mark.parametrize("word", ["CIRCLE", "BOOK"])
async def test_a_picture_and_a_book_come_by_link_too(doors: Doors, word: str) -> None:
    answer = await doors.client.get(await _with_link(doors, word))
    assert answer.status_code == 200
    assert answer.content.startswith(b"\x89PNG" if word == "CIRCLE" else b"%PDF")


async def test_a_link_ends_after_a_week_and_after_many_openings(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await _with_link(doors)
    monkeypatch.setattr(handing, "MOST_OPENED", 2)
    assert [(await doors.client.get(path)).status_code for _ in range(3)] == [200, 200, 404]
    again = re.search(r"(/paper/\S+)", await doors.sms("+251911000001", "STATEMENT"))
    assert again is not None
    clock.set_to(clock.now() + timedelta(days=7, seconds=1))
    late, wrong = await doors.client.get(again[1]), await doors.client.get("/paper/" + "A" * 20)
    assert late.status_code == wrong.status_code == 404
    assert late.json() == wrong.json(), "expired and never there look alike"
    await doors.sms("+251911000001", "STATEMENT")
    assert await doors.value("SELECT count(*) FROM papers") == 1, "what has expired is gone"


async def test_the_token_is_long_and_stands_nowhere_in_the_table(doors: Doors) -> None:
    token = (await _with_link(doors)).rpartition("/")[2]
    assert len(token) == 20
    assert not [row for row in await doors.rows("SELECT p::text FROM papers p") if token in row[0]]


async def test_whoever_tries_too_often_waits(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.paper.MOST_TRIES", 3)
    answers = [await doors.client.get("/paper/" + "B" * 20) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert int(answers[3].headers["retry-after"]) > 0


async def test_nobody_asks_for_papers_without_end(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    await _with_link(doors)
    monkeypatch.setattr(handing, "MOST_A_DAY", 2)
    assert "/paper/" in await doors.sms("+251911000001", "STATEMENT")
    assert await doors.sms("+251911000001", "BOOK") == "You have asked for 2 papers today. Please try again tomorrow."
    clock.set_to(clock.now() + timedelta(days=1, minutes=1))
    assert "/paper/" in await doors.sms("+251911000001", "BOOK")


async def test_a_paper_of_another_tenant_is_not_there(doors: Doors) -> None:
    await _with_link(doors)
    paper_id = await doors.value("SELECT id FROM papers")
    other = await make_tenant("other", "Other")
    with pytest.raises(NotFound, match=r"paper\.unknown"):
        await papers.hand_out(other, paper_id)


@pytest.mark.parametrize(
    ("url", "sandbox", "reached"),
    [
        ("http://127.0.0.1:8000", False, False),
        ("http://localhost:8000", False, False),
        ("http://127.0.0.1:8000", True, True),
        ("https://equb.example", False, True),
        ("https://41.0.0.7", False, True),
    ],
)
def test_a_link_is_sent_only_where_it_leads_somewhere(
    monkeypatch: pytest.MonkeyPatch, url: str, sandbox: bool, reached: bool
) -> None:
    mode = "sandbox" if sandbox else "production"
    changed = read_settings().model_copy(update={"public_url": url, "mode": mode})
    monkeypatch.setattr(handing, "settings", lambda: changed)
    assert handing.reachable() is reached


# --- For the office --------------------------------------------------------------------------------------


async def test_the_office_gets_every_report_that_is_listed_in_every_form(equb: Equb) -> None:
    listed = await equb.admin.all(f"{equb.path}/reports")
    assert {one["name"] for one in listed} == {"book", "circle", "statement"}
    begins = {"pdf": b"%PDF", "xlsx": b"PK", "csv": b"\xef\xbb\xbf", "png": b"\x89PNG", "json": b"{"}
    for one in listed:
        for form in one["formats"]:
            asked = {"format": form} if one["formats"] != ["png"] else {}
            for more in ({}, {"member": 2}) if one["name"] == "statement" else ({},):
                answer = await equb.admin.ask("GET", one["path"], params=asked | more | {"language": "am"})
                assert answer.status_code == 200, answer.text
                assert answer.content.startswith(begins[form]), (one["name"], form)


async def test_a_members_statement_as_data_adds_up(equb: Equb) -> None:
    said = await equb.admin.get(f"{equb.path}/statement", member=equb.members["Sara"]["id"])
    assert said["totals"]["paid_in"] == birr("3250.00")
    assert said["totals"]["open"] == birr("750.00")
    assert [payment["status"] for payment in said["payments"]] == ["recorded", "reversed", "recorded"]
    assert {due["member"] if "member" in due else said["member"] for due in said["dues"]} == {2}
    assert sum(float(due["paid"]["amount"]) for due in said["dues"]) == 3250
    receipts = {receipt for due in said["dues"] for receipt in due["receipts"]}
    assert receipts == {p["receipt"] for p in said["payments"] if p["status"] != "reversed"}


async def test_a_report_needs_the_right_to_read_and_a_group_of_ones_own(equb: Equb) -> None:
    path = f"{equb.path}/reports/book"
    assert (await equb.admin.client.get(f"/api/v1{path}")).status_code == 401
    assert (await equb.admin.as_("nothing").ask("GET", path)).status_code == 403
    async with owner_of(await make_tenant("strangers", "Strangers")) as stranger:
        for asked in (path, f"{equb.path}/statement?member=2&format=pdf", f"{equb.path}/reports/circle"):
            assert (await stranger.ask("GET", asked)).status_code == 404
    assert (await equb.admin.ask("GET", f"{equb.path}/statement?member=99&format=pdf")).status_code == 404
    assert (await equb.admin.ask("GET", f"{path}?format=docx")).status_code == 422


def test_days_are_said_in_the_readers_calendar() -> None:
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert AM.day(at) == "13 ኅዳር 2019 (22/11/2026)"
    assert EN.day(at) == "22 Nov 2026"
    assert Hand("en", "ethiopian", ADDIS).day(at) == "13 Hidar 2019 (22/11/2026)"
    assert EN.both_days(at) == "22 Nov 2026 (13 Hidar 2019) 12:00"
    assert EN.local(at).date() == date(2026, 11, 22)
