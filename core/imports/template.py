"""The template of a paper book, and any book written in its form: as a workbook or as CSVs in a ZIP.

Owns the way out: no cell of ours is ever run as a formula by whatever opens it. The example is a whole small book that
adds up, so that whoever looks at it sees what belongs where.
"""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence

import openpyxl
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from core.imports.words import RULES, SHEETS, Column, SheetWords

Table = Sequence[Sequence[str]]

_EXPLAINED = "read me"
_ABOUT = (
    "A running equb, from your paper book.",
    "Fill in the sheets; the rows there now are an example: remove them. Write as you are used to: 1,000 or 1 000 birr,"
    " 0911… or +251911…, 1/2 or ½, 22/11/2026 or 13 Hidar 2019. Day before month.",
    "Do not use formulas. Columns that you do not need may stay empty or go; others that you add are not read.",
    "Hand the file in: you see line by line what was understood and what is wrong. Nothing is kept until it adds up.",
)

# Four lots, one of them shared, two rounds held: the second pot is paid in two parts, and Hana still owes.
EXAMPLE: Mapping[str, Table] = {
    "people": (
        ("1", "Abebe Kebede", "0900000001", "organiser", "am"),
        ("2", "Sara Tesfaye", "0900 000 002", "secretary", "am"),
        ("3", "Lema Bekele", "+251 900 000 003", "", "am"),
        ("4", "Hana Girma", "900000004", "", "en"),
    ),
    "lots": (
        ("1", "1", "1"),
        ("2", "2", "1"),
        ("3", "2", "1"),
        ("4", "Lema Bekele", "3/10"),
        ("4", "Hana Girma", "7/10"),
    ),
    "rounds": (("1", "2 Tikimt 2019", "3"), ("2", "9 Tikimt 2019", "1")),
    "payments": (
        ("2 Tikimt 2019", "in", "1", "1,000", "bank", "", "1", "", "FT2610", ""),
        ("2 Tikimt 2019", "in", "2", "2,000", "cash", "1", "1", "", "", ""),
        ("2 Tikimt 2019", "in", "Lema Bekele", "300", "cash", "", "", "", "", ""),
        ("2 Tikimt 2019", "in", "Hana Girma", "700", "cash", "", "", "", "", ""),
        ("3 Tikimt 2019", "out", "Sara Tesfaye", "4,000", "cash", "", "1", "", "", "lot 3"),
        ("9 Tikimt 2019", "in", "1", "1,000", "", "", "", "", "", ""),
        ("9 Tikimt 2019", "in", "2", "4,000", "", "", "", "", "", "one round in advance"),
        ("9 Tikimt 2019", "in", "3", "300", "", "Sara Tesfaye", "", "", "17", ""),
        ("10 Tikimt 2019", "out", "Abebe Kebede", "2,000", "", "", "2", "", "", "first part"),
        ("12 Tikimt 2019", "out", "Abebe Kebede", "1,300", "", "", "2", "", "", "the rest that was there"),
    ),
    "debts": (("Hana Girma", "700", "round 2"),),
}


def example() -> dict[str, Table]:
    """The rows of the template by sheet, without headings."""
    rules = [(rule.names[0], rule.example, rule.about) for rule in RULES]
    return {"book": rules, **EXAMPLE}


def heading(column: Column) -> str:
    """What stands above a column: the English word and the Amharic one in brackets."""
    amharic = next((name for name in column.names if "ሀ" <= name[0] <= "፿"), None)
    return f"{column.names[0]} ({amharic})" if amharic else column.names[0]


def workbook(tables: Mapping[str, Table]) -> bytes:
    """An XLSX with every sheet, its headings, explanations, lists to choose from, and these rows."""
    book = openpyxl.Workbook()
    front = book.active
    assert isinstance(front, Worksheet)
    front.title = _EXPLAINED
    front.column_dimensions["A"].width = 110
    for number, said in enumerate(_ABOUT, 1):
        _write(front, number, 1, said)
        front.cell(number, 1).alignment = Alignment(wrap_text=True)
    front["A1"].font = Font(bold=True)
    for words in SHEETS:
        sheet = book.create_sheet(words.key)
        _head(sheet, words)
        for number, row in enumerate(tables.get(words.key, ()), 2):
            for place, value in enumerate(row, 1):
                _write(sheet, number, place, value)
        _choices(sheet, words)
    _rule_choices(book["book"], tables.get("book", ()))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _write(sheet: Worksheet, line: int, place: int, value: str) -> None:
    if value:
        cell = sheet.cell(line, place)
        # Text whatever it begins with, and text when somebody writes there: 1/2 must not become a date.
        cell.value = value
        cell.data_type = "s"
        cell.number_format = "@"


def _head(sheet: Worksheet, words: SheetWords) -> None:
    for place, column in enumerate(words.columns, 1):
        cell = sheet.cell(1, place, heading(column))
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DCEFE6")
        cell.comment = Comment(f"{column.about}{' (must be there)' if column.required else ''}", "Equb")
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = max(16, len(heading(column)) + 2)
        sheet.column_dimensions[letter].number_format = "@"
    sheet.freeze_panes = "A2"


def _choices(sheet: Worksheet, words: SheetWords) -> None:
    for place, column in enumerate(words.columns, 1):
        if column.choices:
            letter = get_column_letter(place)
            _choose(sheet, column.choices, f"{letter}2:{letter}100000")


def _rule_choices(sheet: Worksheet, rows: Table) -> None:
    choices = {rule.names[0]: rule.choices for rule in RULES if rule.choices}
    for line, row in enumerate(rows, 2):
        if row[0] in choices:
            _choose(sheet, choices[row[0]], f"B{line}")


def _choose(sheet: Worksheet, choices: Sequence[str], where: str) -> None:
    # Offered, not forced: other languages and spellings are understood too.
    offered = DataValidation(
        type="list", formula1=f'"{",".join(choices)}"', allow_blank=True, showErrorMessage=False, showDropDown=False
    )
    sheet.add_data_validation(offered)
    offered.add(where)


def csvs(tables: Mapping[str, Table]) -> dict[str, bytes]:
    """The same as one CSV for each sheet, by file name; UTF-8 with the mark that spreadsheets look for."""
    files = {}
    for words in SHEETS:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([heading(column) for column in words.columns])
        writer.writerows([[_harmless(value) for value in row] for row in tables.get(words.key, ())])
        files[f"{words.key}.csv"] = out.getvalue().encode("utf-8-sig")
    return files


def _harmless(value: str) -> str:
    """A cell that no spreadsheet takes for a formula; the sign before it is taken off again when it is read."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def zipped(tables: Mapping[str, Table]) -> bytes:
    """The CSVs in one ZIP."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in csvs(tables).items():
            # One moment for every template: the same template is the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    return out.getvalue()
