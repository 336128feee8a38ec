"""A running equb is brought from its paper book: committed as one to the santim, goes on, and is undone as one."""

import importlib
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asking import Admin, owner_of, person
from books import Paper, balances, bring_in, hand_in, hand_in_file, small, template_tables
from conftest import Superuser
from doors import Doors, doors_of

from core import db, people
from core.operator.bootstrap import make_tenant
from core.order.draw import paper_from_json, seal_paper
from ops.commands import verify_draw
from ops.errors import CannotStart


@pytest.fixture
async def owner(tenant: UUID, at: Callable[[str], datetime]) -> AsyncIterator[Admin]:
    at("2026-11-22 12:00")
    people.forget_tenants()
    async with owner_of(tenant) as signed_in:
        yield signed_in


async def test_the_template_comes_back_as_the_equb_that_it_shows(owner: Admin, tenant: UUID) -> None:
    for format_ in ("xlsx", "csv"):
        answer = await owner.ask("GET", "/imports/template", params={"format": format_})
        made = await hand_in_file(owner, f"book.{format_}", answer.content)
        assert made["errors"] == 0
    group = await bring_in(owner, Paper(template_tables()))
    assert (group["status"], group["rounds_held"], group["members"], group["lots"]) == ("running", 2, 4, 4)
    assert await balances(tenant, group["id"]) == {
        "advance/2": 2_000_00,
        "held/1": 700_00,
        "held/2": 300_00,
        "provider/bank": 1_000_00,
    }


# --- twelve lots, five rounds in -------------------------------------------------------------------

SATURDAYS = ("24/10/2026", "31/10/2026", "7/11/2026", "14/11/2026", "21/11/2026")
SHARES = {3: "3/10", 4: "7/10", 5: "½", 6: "0.5"}
LOT_OF = {1: "1", 3: "4", 4: "4", 5: "5", 6: "5"} | {member: str(member - 1) for member in range(7, 14)}
DUE = {1: 1000, 2: 2000, 3: 300, 4: 700, 5: 500, 6: 500} | dict.fromkeys(range(7, 14), 1000)
PAID_OUT = (
    ("25/10/2026", "8", "10,890"),
    ("1/11/2026", "5", "5,940"),
    ("1/11/2026", "Meron", "3,000"),
    ("4/11/2026", "Meron", "2,940"),
    ("8/11/2026", "2", "11,880"),
    ("15/11/2026", "13", "11,880"),
    ("22/11/2026", "Hana", "7,000"),
)
NAMES = (
    "Abebe",
    "Sara",
    "Lema",
    "Hana",
    "Kedir",
    "Meron",
    "Dawit",
    "Tigist",
    "Yonas",
    "Almaz",
    "Bekele",
    "Abel",
    "Fikru",
)


def phone(member: int) -> str:
    return f"+2519110000{member:02}"


def twelve() -> Paper:
    """Sara has two lots, two lots are shared. Yonas (9) paid round 3 late, Almaz (10) two rounds in advance, Bekele
    (11) never paid round 1, Fikru (13) half of round 5; the pot of round 2 went to Meron in two parts, Hana's of round
    5 is paid in part and Lema's not at all."""
    paper = Paper().rules(
        name_of_the_equb="Merkato", contribution="1,000 birr", lots="12", rhythm="weekly", fee="1%", cash_in_hand="6970"
    )
    for member, name in enumerate(NAMES, 1):
        paper.write("people", str(member), f"{name} Tessema", phone(member), "organiser" if member == 1 else "", "en")
    paper.write("lots", "2", "2").write("lots", "3", "Sara")
    for member, lot in LOT_OF.items():
        paper.write("lots", lot, str(member), SHARES.get(member, ""))
    for number, (day, lot) in enumerate(zip(SATURDAYS, ("7", "5", "2", "12", "4"), strict=True), 1):
        paper.write("rounds", str(number), day, lot)
        for member, due in DUE.items():
            if member == 10 or (member, number) in ((9, 3), (11, 1)):
                continue
            amount = 500 if (member, number) == (13, 5) else due
            # Bekele said each time for which round it was; the first stayed open.
            paper.write("payments", day, "in", str(member), str(amount), "", "", str(number) if member == 11 else "")
    paper.write("payments", SATURDAYS[0], "in", "Almaz", "7,000")
    paper.write("payments", "16/11/2026", "in", "Yonas", "1 000")
    for day, who, got in PAID_OUT:
        paper.write("payments", day, "out", who, got)
    return paper.write("debts", "11", "1,000").write("debts", "Fikru", "500")


async def test_a_book_of_twelve_lots_comes_in_to_the_santim(owner: Admin, tenant: UUID) -> None:
    made = await hand_in(owner, twelve())
    assert made["errors"] == 0, await owner.all(f"/imports/{made['id']}/lines", severity="error")
    totals = made["totals"]
    assert (totals["money_in"]["amount"], totals["money_out"]["amount"]) == ("60500.00", "53530.00")
    assert (totals["balance"]["amount"], totals["fee"]["amount"]) == ("6970.00", "585.00")
    assert [(one["number"], one["amount"]["amount"]) for one in totals["owed"]] == [(11, "1000.00"), (13, "500.00")]
    assert [(one["number"], one["amount"]["amount"]) for one in totals["advance"]] == [(10, "2000.00")]
    assert await owner.all("/groups") == [], "a preview writes nothing"
    done = await owner.post(f"/imports/{made['id']}/commit", status=200)
    path = f"/groups/{done['group']}"
    assert await balances(tenant, done["group"]) == {
        "held/1": 6_970_00,
        "pot/1/5": 4_385_00,
        "advance/10": 2_000_00,
        "fee/organiser": 585_00,
    }
    dues = await owner.all(f"{path}/dues")
    assert len(dues) == 5 * 14
    open_dues = {(due["member_number"], due["round"], due["paid"]["amount"]) for due in dues if due["status"] == "late"}
    assert open_dues == {(11, 1, "0.00"), (13, 5, "500.00")}
    legs = [
        (payout["round"], payout["lot"], leg["member_number"], leg["amount"]["amount"], leg["status"])
        for payout in await owner.all(f"{path}/payouts")
        for leg in payout["legs"]
    ]
    assert sorted(legs) == [
        (1, "L007", 8, "10890.00", "paid"),
        (1, "L007", 8, "990.00", "planned"),
        (2, "L005", 5, "5940.00", "paid"),
        (2, "L005", 6, "2940.00", "paid"),
        (2, "L005", 6, "3000.00", "paid"),
        (3, "L002", 2, "11880.00", "paid"),
        (4, "L012", 13, "11880.00", "paid"),
        (5, "L004", 3, "3564.00", "planned"),
        (5, "L004", 4, "1316.00", "planned"),
        (5, "L004", 4, "7000.00", "paid"),
    ]
    memos = {transfer["memo"].split(",")[0] for transfer in await owner.all("/ledger/transfers", group=done["group"])}
    assert memos == {f"import {done['code']}"}
    rounds = await owner.all(f"{path}/rounds")
    assert [one["due_at"][:16] for one in rounds[4:7]] == ["2026-11-21T15:00", "2026-11-28T15:00", "2026-12-05T15:00"]
    assert [one["status"] for one in rounds] == ["drawn"] * 5 + ["planned"] * 7
    people_in = await owner.all("/people")
    assert [one["consented_at"] for one in people_in] == [None] * 13


async def _cash(doors: Doors, member: int, birr: int) -> None:
    words = f"PAY {birr}" if member == 1 else f"CASH {member} {birr}"
    answer = await doors.sms(phone(1), words)
    if "Receipt" not in answer:
        # More than is due is asked back.
        answer = await doors.sms(phone(1), "1")
    assert "Receipt" in answer, (member, birr, answer)


async def test_the_equb_goes_on_from_its_book_to_the_end(owner: Admin, tenant: UUID) -> None:
    group = await bring_in(owner, twelve())
    group_id = UUID(group["id"])
    async with doors_of(tenant) as doors:
        await doors.wake()
        assert await doors.value("SELECT status FROM groups WHERE group_id = :g", g=group_id) == "running"
        received = {"L002", "L004", "L005", "L007", "L012"}
        assert "1,000 birr is paid in advance" in await doors.sms(phone(10), "STATUS")
        for number in range(6, 13):
            for member, due in DUE.items():
                if member == 10 and number in (6, 7):
                    continue  # paid in advance on paper
                await _cash(doors, member, due)
            if number == 6:
                await _cash(doors, 11, 1000)
                await _cash(doors, 13, 500)
            await doors.pass_time(timedelta(days=7))
            await doors.pay_everybody_out(await doors.group(group["code"]), phone(1))
            if number == 6:
                round_ = await owner.get(f"/groups/{group_id}/rounds/6")
                assert (round_["status"], len(round_["lots"])) == ("drawn", 1)
                assert round_["lots"][0] not in received
                assert f"{group['code']}-1" in (await doors.rows("SELECT code FROM draws WHERE kind = 'drawn'"))[0]
                assert "All 10 checks hold" in await doors.sms(phone(2), f"VERIFY {group['code']}-1")
        drawn = [one["lot"] for one in await owner.all(f"/groups/{group_id}/draws")]
        assert sorted(drawn) == [f"L{number:03}" for number in range(1, 13)]
        came_in = await doors.value(
            "SELECT sum(amount_minor)::bigint FROM ledger_transfers WHERE due_id IS NOT NULL AND group_id = :g",
            g=group_id,
        )
        assert came_in == 12 * 12 * 1000_00
        got = await doors.rows(
            "SELECT m.number, sum(l.amount_minor)::bigint FROM payout_legs l JOIN members m ON m.group_id = l.group_id"
            " AND m.id = l.member_id WHERE l.group_id = :g AND l.paid_at IS NOT NULL GROUP BY 1",
            g=group_id,
        )
        assert dict(got) == {member: due * 100 * 1188 // 100 for member, due in DUE.items()}
        await doors.pass_time(timedelta(days=8))
        assert await doors.value("SELECT status FROM groups WHERE group_id = :g", g=group_id) == "closed"
    assert await balances(tenant, group["id"]) == {"held/1": 1_440_00, "fee/organiser": 1_440_00}


async def test_a_draw_on_paper_is_never_shown_as_computed(owner: Admin, tenant: UUID) -> None:
    group = await bring_in(owner, twelve())
    code = f"{group['code']}-P3"
    shown = await owner.get(f"/groups/{group['id']}/draws/{code}")
    assert (shown["kind"], shown["lot"], shown["round"]) == ("paper", "L002", 3)
    assert [shown[name] for name in ("list", "list_hash", "beacon_round", "beacon", "link")] == [None] * 5
    assert shown["proof"]["version"] == "equb-paper-v1"
    assert shown["proof"]["import_code"] == group["import_code"]
    async with doors_of(tenant) as doors:
        said = await doors.sms(phone(2), f"VERIFY {code}")
        assert "from the paper book" in said
        assert "cannot be checked" in said
        assert "Drawn: lot 4" in await doors.sms(phone(2), "ROUND")
    for language, words in (("en", "held before the equb came here"), ("am", "ከወረቀት መዝገብ")):
        page = await owner.client.get(f"/verify/{code}", params={"lang": language})
        assert page.status_code == 200
        assert words in page.text
    document = await owner.client.get(f"/verify/{code}.json")
    record = paper_from_json(document.text)
    assert seal_paper(replace(record, record="")) == record
    with pytest.raises(CannotStart, match="on paper"):
        verify_draw.main([_saved(document.text)])


def _saved(text: str) -> str:
    path = Path(tempfile.mkdtemp(dir=os.environ["EQUB_HOME"])) / "draw.json"
    path.write_text(text)
    return str(path)


# --- undone as one ---------------------------------------------------------------------------------


async def test_an_import_is_undone_as_one(owner: Admin, tenant: UUID) -> None:
    group = await bring_in(owner, twelve())
    async with doors_of(tenant) as doors:
        await doors.wake()  # the next round opens, and takes from an advance
        assert "advance/10" in await balances(tenant, group["id"])
        assert "Merkato" in await doors.sms(phone(2), "STATUS")
        undone = await owner.post(f"/imports/{group['import']}/undo", status=200)
        assert (undone["status"], undone["undone_by"]) == ("undone", "admin:almaz")
        assert await balances(tenant, group["id"]) == {}, "every account is empty, and the audit finds nothing"
        assert "Merkato" not in await doors.sms(phone(2), "STATUS")
        assert "no equb" in (await doors.sms(phone(2), f"JOIN {group['code']}"))
        assert "no draw" in (await doors.sms(phone(2), f"VERIFY {group['code']}-P3"))
        assert (await owner.client.get(f"/verify/{group['code']}-P3")).status_code == 404
        assert await doors.value("SELECT count(*) FROM outbox WHERE state = 'queued' AND group_id IS NOT NULL") == 0
        await doors.pass_time(timedelta(days=30))
    assert (await owner.get(f"/groups/{group['id']}"))["status"] == "undone"
    assert {payment["status"] for payment in await owner.all("/payments")} == {"reversed"}
    acts = [(one["action"], one["actor"]) for one in await owner.all("/audit") if one["action"].startswith("import.")]
    assert acts == [(f"import.{act}", "admin:almaz") for act in ("undone", "committed", "previewed")]
    lines = await owner.get(f"/imports/{group['import']}/lines")
    assert lines["items"] == [], "what people never agreed to is not kept"
    assert (await owner.get(f"/imports/{group['import']}"))["totals"] is None
    again = await bring_in(owner, twelve())
    assert (await balances(tenant, again["id"]))["held/1"] == 6_970_00
    assert len(await owner.all("/people")) == 13, "the same people, once"


@pytest.mark.parametrize(
    ("happens", "what"),
    [
        ("CASH 2 2000", ["payments", "transfers"]),
        ("PAYOUT 3", ["payouts", "transfers", "acts"]),
    ],
)
async def test_what_people_have_gone_on_with_is_not_undone(
    owner: Admin, tenant: UUID, happens: str, what: list[str]
) -> None:
    group = await bring_in(owner, twelve())
    async with doors_of(tenant) as doors:
        await doors.wake()
        await doors.sms(phone(1), happens)
        await doors.sms(phone(1), "1")
        refused = await owner.post(f"/imports/{group['import']}/undo", status=409)
        assert refused["type"] == "/problems/import.lived_on"
        assert refused["happened"] == what
    assert (await owner.get(f"/imports/{group['import']}"))["status"] == "committed"


async def test_a_frozen_list_and_an_office_offered_stand_against_undoing(owner: Admin, tenant: UUID) -> None:
    group = await bring_in(owner, twelve())
    member = (await owner.all(f"/groups/{group['id']}/members"))[4]
    await owner.post(f"/people/{member['person']}/consents", {"given": True})
    await owner.post(f"/groups/{group['id']}/members/{member['id']}/role", {"role": "collector", "by": 1})
    assert (await owner.post(f"/imports/{group['import']}/undo", status=409))["happened"] == ["acts"]
    async with doors_of(tenant) as doors:
        await doors.pass_time(timedelta(days=7))
    assert "draws" in (await owner.post(f"/imports/{group['import']}/undo", status=409))["happened"]


# --- nothing is written until it adds up -----------------------------------------------------------


async def test_a_book_with_an_error_is_not_written(owner: Admin, tenant: UUID) -> None:
    paper = twelve()
    paper.tables["debts"][0][1] = "1,500"
    made = await hand_in(owner, paper)
    (line,) = await owner.all(f"/imports/{made['id']}/lines", severity="error")
    (problem,) = line["problems"]
    assert (line["sheet"], line["line"], problem["code"]) == ("debts", 2, "debt.differs")
    assert problem["said"] == (
        "The book says that Bekele Tessema owes 1,500 birr; by the lines it is 1,000 birr, 500 birr less."
    )
    answer = await owner.ask("GET", f"/imports/{made['id']}/lines?severity=error", headers={"Accept-Language": "am-ET"})
    said = answer.json()["items"][0]["problems"][0]["said"]
    assert "1,500 ብር" in said
    assert "Bekele Tessema" in said
    assert not any(word in said for word in ("book", "owes", "less"))
    refused = await owner.post(f"/imports/{made['id']}/commit", status=409)
    assert (refused["type"], refused["errors"]) == ("/problems/import.has_errors", 1)
    assert await owner.all("/groups") == []
    assert await owner.all("/people") == []


async def test_a_book_is_committed_once(owner: Admin) -> None:
    group = await bring_in(owner, small())
    assert (await owner.post(f"/imports/{group['import']}/commit", status=409))["type"].endswith("already_committed")
    await owner.post(f"/imports/{group['import']}/undo", status=200)
    for verb in ("commit", "undo"):
        assert (await owner.post(f"/imports/{group['import']}/{verb}", status=409))["type"].endswith("import.undone")


async def test_the_same_file_with_the_same_key_is_handed_in_once(owner: Admin, superuser: Superuser) -> None:
    content = small().xlsx
    first = await hand_in_file(owner, "book.xlsx", content, key="one")
    kept = superuser.value("SELECT string_agg(answer::text, '') FROM idempotency_keys")
    assert "Merkato" not in kept, "nothing of what the book said is kept with the key"
    assert await hand_in_file(owner, "book.xlsx", content, key="one") == first
    assert len(await owner.all("/imports")) == 1
    other = await hand_in_file(owner, "book.xlsx", small(contribution="500").xlsx, key="one", status=422)
    assert other["type"] == "/problems/idempotency.other_request"


async def test_who_is_known_by_phone_comes_in_as_who_they_are(owner: Admin) -> None:
    known = await person(owner, "Sara Tesfaye Abera", 2)
    made = await hand_in(owner, small())
    (line,) = [one for one in await owner.all(f"/imports/{made['id']}/lines", severity="warning") if one["line"] == 3]
    assert [problem["code"] for problem in line["problems"]] == ["people.known"]
    done = await owner.post(f"/imports/{made['id']}/commit", status=200)
    members = await owner.all(f"/groups/{done['group']}/members")
    assert (members[1]["person"], members[1]["name"]) == (known["id"], "Sara Tesfaye Abera")


async def test_a_preview_is_forgotten_after_a_month(owner: Admin, at: Callable[[str], Any]) -> None:
    made = await hand_in(owner, small())
    at("2026-12-23 12:00")
    await hand_in(owner, small(contribution="500"))
    assert (await owner.get(f"/imports/{made['id']}"))["status"] == "forgotten"
    assert (await owner.post(f"/imports/{made['id']}/commit", status=409))["type"].endswith("import.forgotten")


async def test_what_a_file_held_is_sealed(owner: Admin, superuser: Superuser) -> None:
    await bring_in(owner, twelve())
    for row in superuser.rows("SELECT content, report FROM imports"):
        assert row["content"] is None
        assert b"Bekele" not in row["report"]


async def test_another_tenant_sees_no_import(owner: Admin) -> None:
    made = await hand_in(owner, small())
    other = await make_tenant("other", "Other")
    async with owner_of(other) as stranger:
        assert await stranger.all("/imports") == []
        await stranger.post(f"/imports/{made['id']}/commit", status=404)
    await owner.as_("viewer").post(f"/imports/{made['id']}/commit", status=403)


async def test_a_round_that_should_have_been_held_is_planned_for_the_next_such_day(owner: Admin) -> None:
    paper = small().write("rounds", "1", "24/10/2026", "1")
    made = await hand_in(owner, paper)
    warned = await owner.all(f"/imports/{made['id']}/lines", severity="warning", sheet="rounds")
    assert "rounds.late" in [problem["code"] for problem in warned[0]["problems"]]
    done = await owner.post(f"/imports/{made['id']}/commit", status=200)
    second = await owner.get(f"/groups/{done['group']}/rounds/2")
    assert second["due_at"] == "2026-11-28T15:00:00Z"


# --- ways of handing in, and the operator's command ------------------------------------------------


async def test_a_file_comes_as_the_body_or_as_several_parts_of_a_form(owner: Admin) -> None:
    paper = twelve()
    headers = {"Content-Type": "application/octet-stream"}
    for content in (paper.xlsx, paper.zip):
        answer = await owner.client.post(
            "/api/v1/imports", content=content, headers=headers | {"Authorization": f"Bearer {owner.token}"}
        )
        assert (answer.status_code, answer.json()["errors"]) == (201, 0), answer.text
    parts = [("file", (name, content)) for name, content in paper.files]
    answer = await owner.ask("POST", "/imports", files=parts)
    assert (answer.status_code, answer.json()["errors"]) == (201, 0), answer.text


@pytest.mark.parametrize(
    ("content", "headers", "code"),
    [
        (b"a" * 13_000_000, {}, "import.too_large"),
        (b"", {}, "import.empty"),
        (b"%PDF-1.7", {"Content-Type": "text/csv"}, "import.not_a_book"),
        (b"nothing like a form", {"Content-Type": "multipart/form-data; boundary=x"}, "import.malformed"),
        (b"nothing like a form", {"Content-Type": "multipart/form-data"}, "import.malformed"),
    ],
)
async def test_what_is_no_book_is_refused_with_one_sentence(
    owner: Admin, content: bytes, headers: dict[str, str], code: str
) -> None:
    signed = headers | {"Authorization": f"Bearer {owner.token}"}
    answer = await owner.client.post("/api/v1/imports", content=content, headers=signed)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{code}")
    assert answer.json()["title"].endswith(".")
    assert await owner.all("/imports") == []


def _command(*arguments: str) -> int:
    module: Any = importlib.import_module("ops.commands.import")
    return int(module.main(list(arguments)))


@pytest.fixture
async def _nothing_open() -> None:
    """The command has a loop of its own, and connections belong to the loop that opened them."""
    await db.dispose()


@pytest.fixture
def place(tenant: UUID, superuser: Superuser, at: Callable[[str], Any], tmp_path: Path, _nothing_open: None) -> Path:
    """Where an operator keeps files, with a tenant to bring them into."""
    superuser.execute("UPDATE tenants SET code = 'demo' WHERE id = $1", tenant)
    people.forget_tenants()
    at("2026-11-22 12:00")
    return tmp_path


def test_an_operator_previews_commits_and_undoes(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("book.xlsx", "book.zip"):
        assert _command("--template", str(place / name)) == 0
    for name, content in twelve().files:
        (place / name).write_bytes(content)
    assert _command(str(place / "book.xlsx")) == 0
    said = capsys.readouterr().out
    assert "in 9,300 ETB, out 7,300 ETB, in hand 2,000 ETB" in said
    assert "  Hana Girma owes 700 ETB" in said
    assert "committed" not in said
    assert _command(str(place), "--commit") == 0
    done = re.search(
        r"committed: Merkato runs, its code is \w{6}; ./equb import --undo (\w{6})", capsys.readouterr().out
    )
    assert done is not None
    assert _command("--undo", done[1]) == 0
    assert "every transfer is reversed" in capsys.readouterr().out
    with pytest.raises(CannotStart, match="That import was undone"):
        _command("--undo", done[1])


def test_an_operator_commits_nothing_that_has_an_error(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paper = small().write("debts", "2", "5")
    (place / "book.xlsx").write_bytes(paper.xlsx)
    assert _command(str(place / "book.xlsx"), "--commit") == 1
    said = capsys.readouterr().out
    assert "ERROR debt.differs" in said
    assert said.endswith("errors: 1, warnings: 1. It does not add up; nothing was written\n")


@pytest.mark.parametrize(
    "arguments", [[], ["--template", "book.pdf"], ["nowhere.xlsx"], ["--undo", "NOTONE"], ["x.csv", "--undo", "A"]]
)
def test_an_operators_slip_is_one_line(arguments: list[str], place: Path) -> None:
    with pytest.raises(CannotStart, match=r"^[^\n]+$"):
        _command(*arguments)
