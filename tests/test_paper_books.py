"""What a paper book says, read as carelessly as it was kept; what may mean two things is asked, the wicked refused."""

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest
from books import TODAY, Paper, problems, small, template_tables, understood

from core.errors import Refusal
from core.imports import sheets, values
from core.imports.template import csvs, workbook, zipped
from core.imports.values import Days, Unclear

# --- the template ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["workbook", "zip", "files"])
def test_the_template_adds_up_in_every_form(form: str) -> None:
    tables = template_tables()
    files = {
        "workbook": [("book.xlsx", workbook(tables))],
        "zip": [("book.zip", zipped(tables))],
        "files": list(csvs(tables).items()),
    }[form]
    book, sums = understood(files)
    assert problems(book) == {"payments 8": ["payment.in_advance"]}
    assert (sums.in_minor, sums.out_minor) == (9_300_00, 7_300_00)
    assert dict(sums.owed) == {4: 700_00}
    assert sums.held == {"held/1": 700_00, "held/2": 300_00, "provider/bank": 1_000_00}


def test_the_template_offers_what_may_be_chosen_and_explains_each_column() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(template_tables())))
    assert book.sheetnames == ["read me", "book", "people", "lots", "rounds", "payments", "debts", "guarantors"]
    offered = {rule.formula1 for sheet in book.worksheets for rule in sheet.data_validations.dataValidation}
    assert {'"in,out,fee,fine,spent"', '"cash,bank,wallet"', '"organiser,secretary,collector,member"'} <= offered
    assert all(cell.comment for sheet in book.worksheets[1:] for cell in sheet[1])


def test_nothing_that_is_written_out_is_taken_for_a_formula() -> None:
    paper = Paper().write("people", "1", "=cmd|' /C calc'!A0", "+251911000001", "@SUM(1)", "-1")
    assert b"'=cmd" in paper.files[0][1]
    assert b"'+251911000001" in paper.files[0][1]
    cells = next(openpyxl.load_workbook(io.BytesIO(paper.xlsx))["people"].iter_rows(min_row=2))
    assert {cell.data_type for cell in cells} == {"s"}


# --- headings and sheets ---------------------------------------------------------------------------


def test_headings_are_understood_in_two_languages_and_misspelt() -> None:
    rules = "ምን;ዋጋ\nየእቁቡ ስም;መርካቶ\nመዋጮ;፲፭፻ ብር\nየዕጣ ብዛት;2\nበየስንት ጊዜ;በየሳምንቱ\n"
    members = "Nr,FULL  NAME,Telephon,Offise\n,Abebe K.,0911000001,chair\n2,Sara,911000002,\n"
    lots = "Our lots\n\nዕጣ (lot)\tአባል\tድርሻ\n1\tAbebe\t\n2\tSara\t፩\n"
    book, _ = understood(
        [
            ("መዝገብ.csv", rules.encode()),
            ("Merkato members 2019.csv", members.encode()),
            ("sheet3.csv", lots.encode("utf-16")),
        ]
    )
    assert problems(book) == {"rounds 0": ["rounds.none"]}
    assert (book.name, book.people[1].role, book.people[2].phone) == ("መርካቶ", "organiser", "+251911000002")
    assert book.rules is not None
    assert (book.rules.contribution_minor, book.rules.lots, book.rules.rhythm.kind) == (1500_00, 2, "weekly")


def test_what_is_not_known_is_said_and_not_read() -> None:
    paper = small()
    files = [(name, content.replace(b"language", b"shoe size")) for name, content in paper.files]
    book, _ = understood([*files, ("recipes.csv", b"shiro,berbere\n1,2\n")])
    assert problems(book) == {
        "people 0": ["column.unknown"],
        "recipes 0": ["sheet.unknown"],
        "rounds 0": ["rounds.none"],
    }


def test_a_missing_sheet_column_or_rule_is_an_error() -> None:
    book, _ = understood([("people.csv", b"number,phone\n1,0911000001\n"), ("book.csv", b"what,value\nname,M\n")])
    found = problems(book)
    assert found["lots 0"] == ["sheet.missing"]
    assert found["people 0"][0] == "column.missing"
    assert found["book 0"] == ["rule.missing"] * 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_comes_in_whatever_it_was_saved_in(encoding: str, delimiter: str) -> None:
    rows = [["number", "name", "phone"], ["1", "Zoé Müller", "0911000001"], ["2", "Ato", ""]]
    content = "\r\n".join(delimiter.join(row) for row in rows).encode(encoding)
    (sheet,) = sheets.read([("people.csv", content)])
    assert [row.cells for row in sheet.rows] == [
        ("number", "name", "phone"),
        ("1", "Zoé Müller", "0911000001"),
        ("2", "Ato"),
    ]


# --- cells -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("1000", 1000_00),
        ("1,000", 1000_00),
        ("1 000 birr", 1000_00),
        ("1'000.50", 1000_50),
        ("1000,50", 1000_50),
        ("፲፭፻ ብር", 1500_00),
        ("Br 1,000.00", 1000_00),
        ("1 000 000", 1_000_000_00),
        ("1.000", "amount.too_fine"),
        ("0", "amount.not_positive"),
        ("-5", "amount.not_positive"),
        ("10,00,0", "amount.not_understood"),
        ("a lot", "amount.not_understood"),
        ("1000 or 2000", "amount.not_understood"),
        ("=1000", "cell.formula"),
        ("@SUM(A1)", "cell.formula"),
        ("100 USD", "amount.not_understood"),
        ("99999999999999", "amount.too_large"),
        (date(2026, 1, 1), "cell.is_a_date"),
    ],
)
def test_an_amount_is_read_in_every_habit_or_asked(typed: Any, minor: Any) -> None:
    assert _read(values.amount, typed, "ETB") == minor


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("22/11/2026", date(2026, 11, 22)),
        ("2026-11-22", date(2026, 11, 22)),
        ("22.11.2026", date(2026, 11, 22)),
        ("13 Hidar 2019", date(2026, 11, 22)),
        ("13 ኅዳር 2019", date(2026, 11, 22)),
        ("ሕዳር 13 2019", date(2026, 11, 22)),
        ("Nov 22, 2026", date(2026, 11, 22)),
        ("22 November 2026", date(2026, 11, 22)),
        ("13/3/2019 E.C.", date(2026, 11, 22)),
        ("13/03/2019 ዓ.ም", date(2026, 11, 22)),
        ("22/11/2026 እ.ኤ.አ", date(2026, 11, 22)),
        ("2026-11-22 00:00:00", date(2026, 11, 22)),
        # Of the two only one has been: 2026 in the Ethiopian calendar is still to come.
        ("1/2/2026", date(2026, 2, 1)),
        ("13/03/2019", "date.two_calendars"),
        ("2018-02-05", "date.two_calendars"),
        ("11/25/2026", "date.month_first"),
        ("5/3/19", "date.year"),
        ("yesterday", "date.not_understood"),
        ("31/2/2026", "date.not_understood"),
        ("6 Pagume 2018", "date.not_understood"),
        (date(2018, 2, 5), "date.two_calendars"),
        (date(2026, 2, 5), date(2026, 2, 5)),
    ],
)
def test_a_day_is_read_in_either_calendar_or_asked(typed: Any, day: Any) -> None:
    assert _read(values.day, typed, Days(TODAY)) == day


def test_the_calendar_of_a_book_decides_where_digits_alone_cannot() -> None:
    assert values.day("13/03/2019", Days(TODAY, "ethiopian")) == date(2026, 11, 22)
    assert values.day("13/03/2019", Days(TODAY, "gregorian")) == date(2019, 3, 13)
    assert values.day(date(2018, 2, 5), Days(TODAY, "gregorian")) == date(2018, 2, 5)
    # A spreadsheet has made a date of what somebody typed: whether of Ethiopian digits, only they know.
    assert _read(values.day, date(2018, 2, 5), Days(TODAY, "ethiopian")) == "date.two_calendars"


@pytest.mark.parametrize(
    ("typed", "share"),
    [
        ("1", "1"),
        ("1/2", "1/2"),
        ("0.5", "1/2"),
        ("½", "1/2"),
        ("50%", "1/2"),
        ("ግማሽ", "1/2"),
        ("0.3333", "1/3"),
        ("3/10", "3/10"),
        ("2", "share.not_understood"),
        ("0", "share.not_understood"),
        ("1/101", "share.too_fine"),
        (date(2026, 2, 1), "share.is_a_date"),
    ],
)
def test_a_share_is_read_in_every_habit_or_asked(typed: Any, share: str) -> None:
    assert str(_read(values.share, typed)) == share


@pytest.mark.parametrize(
    "typed", ["0911 22 33 44", "+251-911-223344", "00251911223344", "911223344", "251 911 223344", "(0911) 22.33.44"]
)
def test_a_phone_is_read_in_every_habit(typed: str) -> None:
    assert values.phone(typed) == "+251911223344"


def _read(reader: Any, *arguments: Any) -> Any:
    try:
        return reader(*arguments)
    except Unclear as unclear:
        return unclear.code


# --- what must add up ------------------------------------------------------------------------------


def _held(paper: Paper) -> Paper:
    return paper.write("rounds", "1", "14/11/2026", "1")


def _all_in(paper: Paper) -> Paper:
    for member in ("1", "2"):
        paper.write("payments", "14/11/2026", "in", member, "1000")
    return paper


@pytest.mark.parametrize(
    ("rows", "where", "code"),
    [
        ([("people", "2", "Lema", "0911000003")], "people 4", "people.number_twice"),
        ([("people", "3", "Lema", "911 000 002")], "people 4", "people.phone_twice"),
        ([("people", "3", "Lema", "", "dagna")], "people 4", "people.organisers"),
        ([("people", "3", "123", "")], "people 4", "name.not_understood"),
        ([("lots", "2", "1", "1/2")], "lots 3", "lot.not_whole"),
        ([("lots", "3", "1")], "lots 4", "lot.unknown"),
        ([("lots", "1", "Abebe")], "lots 4", "lot.member_twice"),
        ([("lots", "1", "Nobody")], "lots 4", "member.unknown"),
        ([("people", "3", "Sara Kebede", ""), ("lots", "2", "Sara", "1/2")], "lots 4", "member.ambiguous"),
        ([("rounds", "3", "21/11/2026", "2")], "rounds 3", "round.missing"),
        ([("rounds", "2", "21/11/2026", "1")], "rounds 3", "round.lot_twice"),
        ([("rounds", "2", "14/11/2026", "2")], "rounds 3", "round.not_after"),
        ([("rounds", "2", "21/11/2026", "2"), ("rounds", "3", "22/11/2026", "1")], "rounds 4", "round.too_many"),
        ([("rounds", "2", "21/11/2026", "1, 2")], "rounds 3", "round.drawn_count"),
        ([("rounds", "2", "28/11/2026", "2")], "rounds 3", "date.in_future"),
        ([("payments", "", "in", "1", "1000")], "payments 4", "date.missing"),
        ([("payments", "15/11/2026", "in", "Sara", "3000")], "payments 4", "payment.too_much"),
        ([("payments", "15/11/2026", "in", "Sara", "1000", "", "", "", "1")], "payments 4", "payment.lot_not_theirs"),
        ([("payments", "15/11/2026", "in", "Sara", "1000", "cash", "Sara")], "payments 4", "payment.officer"),
        ([("payments", "15/11/2026", "out", "Sara", "100")], "payments 4", "payment.no_pot"),
        ([("payments", "15/11/2026", "out", "Abebe", "2000.01")], "payments 4", "payment.pot_too_much"),
        ([("payments", "15/11/2026", "fee", "Abebe", "1")], "payments 4", "payment.fee_too_much"),
        ([("payments", "15/11/2026", "gift", "Abebe", "1")], "payments 4", "word.not_understood"),
        ([("debts", "Sara", "1")], "debts 2", "debt.differs"),
        ([("book", "cash in hand", "1999")], "book 0", "cash.differs"),
        ([("book", "pot", "3000")], "book 0", "rules.refused"),
        ([("book", "lots", "3")], "book 6", "rule.twice"),
    ],
)
def test_what_does_not_add_up_is_an_error_where_it_stands(rows: list[tuple[str, ...]], where: str, code: str) -> None:
    book, _ = understood(_all_in(_held(small())).files)
    assert book.sound, problems(book)
    paper = _all_in(_held(small()))
    for sheet, *cells in rows:
        paper.write(sheet, *cells)
    book, _ = understood(paper.files)
    assert code in problems(book).get(where, []), problems(book)
    assert not book.sound


def test_a_pot_that_paid_more_than_came_in_says_by_how_much() -> None:
    paper = _held(small()).write("payments", "14/11/2026", "in", "1", "1000")
    paper.write("payments", "14/11/2026", "out", "1", "1,200")
    book, _ = understood(paper.files)
    (said,) = [problem.sentence for _, problem in book.problems() if problem.code == "pot.overdrawn"]
    assert said.endswith("went 1,200 birr, and only 1,000 birr came in: 200 birr more than there was.")


def test_an_amount_with_a_comma_out_of_quotes_is_not_cut_in_two() -> None:
    files = _held(small()).files
    files.append(("payments.csv", b"date,member,amount\n14/11/2026,1,1,000\n"))
    book, _ = understood(files)
    assert problems(book)["payments 2"] == ["line.too_many_cells"]


# --- files that no organiser sends -----------------------------------------------------------------


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _with(name: str, content: bytes | None) -> bytes:
    """The small book's workbook with one file of it another, or one more."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(small().xlsx)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        if content is not None:
            new.writestr(name, content)
    return out.getvalue()


_ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet>&a;</worksheet>'
_WIDE = (
    b'<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b'<dimension ref="A1:XFD1048576"/><sheetData><row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c>'
    b"</row></sheetData></worksheet>"
)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "import.empty"),
        (b"\n\n,,,\n", "import.empty"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "import.old_format"),
        (b"%PDF-1.7 and so on", "import.not_a_book"),
        (b"\x89PNG\r\n" + bytes(50), "import.not_a_book"),
        (_zip(**{"setup.exe": b"MZ"}), "import.not_a_book"),
        (_zip(**{"inner.csv": _zip(a=b"b")}), "import.not_a_book"),
        (small().xlsx[:3000], "import.damaged"),
        (_with("xl/vbaProject.bin", b"macro"), "import.macros"),
        (_with("xl/worksheets/sheet2.xml", _ENTITY), "import.unsafe"),
        (_with("xl/worksheets/sheet2.xml", _ENTITY.decode().encode("utf-16")), "import.unsafe"),
        (_with("xl/worksheets/sheet2.xml", b"<not xml"), "import.damaged"),
        (_with("xl/workbook.xml", None), "import.damaged"),
        (_with("xl/worksheets/sheet2.xml", _WIDE), "import.too_many_columns"),
        (_zip(**{f"{n}.csv": b"a" for n in range(300)}), "import.unsafe"),
        (b"a" * (sheets.MOST_BYTES + 1), "import.too_large"),
        (_zip(**{"people.csv": b"0" * 90_000_000}), "import.too_large"),
        (b"name\n" + b"x\n" * (sheets.MOST_ROWS + 1), "import.too_many_rows"),
        (b"name," * 50 + b"\n" + b"x," * 50 + b"x", "import.too_many_columns"),
        (b"name\n" + b"x" * 501, "import.cell_too_long"),
        (b'name\n"never ended' + b"x" * 140_000, "import.damaged"),
    ],
)
def test_a_wicked_file_is_refused_with_one_code(content: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        sheets.read([("people.csv", content)])
    assert refused.value.code == code


def test_a_formula_is_not_read_in_a_workbook_nor_in_text() -> None:
    book = openpyxl.load_workbook(io.BytesIO(_all_in(_held(small())).xlsx))
    book["payments"]["D2"] = "=500+500"
    book["payments"]["C3"] = '=HYPERLINK("http://example.org","Sara")'
    out = io.BytesIO()
    book.save(out)
    found, _ = understood([("book.xlsx", out.getvalue())])
    assert problems(found)["payments 2"] == ["cell.formula"]
    assert problems(found)["payments 3"] == ["cell.formula"]


def test_a_share_that_a_spreadsheet_made_a_date_of_is_asked() -> None:
    book = openpyxl.load_workbook(io.BytesIO(small().xlsx))
    book["lots"]["C2"] = date(2026, 2, 1)
    out = io.BytesIO()
    book.save(out)
    found, _ = understood([("book.xlsx", out.getvalue())])
    assert problems(found)["lots 2"] == ["share.is_a_date"]
