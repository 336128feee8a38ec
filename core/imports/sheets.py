"""Sheets of a file that somebody made: rows of cells with the lines they stand on. XLSX, CSV, or CSVs in a ZIP.

Owns what is taken in at all, and how text is found in bytes. Refuses, with one code each, what no paper book needs:
macros, entities, encryption, formats of long ago, and anything larger than the largest book. Understands nothing of
what the cells say (``core.imports.cells``); a formula comes out as the text of itself and is refused there.
"""

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from openpyxl.utils.exceptions import InvalidFileException

from core.errors import Refusal

# The largest book is 600 lots over 120 rounds: 72,000 payments and a few thousand other lines.
MOST_BYTES = 12_000_000
MOST_UNPACKED = 80_000_000
MOST_MEMBERS = 200
MOST_FILES = 20
MOST_SHEETS = 20
MOST_ROWS = 100_000
MOST_ROWS_TOGETHER = 160_000
MOST_COLUMNS = 40
LONGEST_CELL = 500

Cell = str | date | None

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_DOCTYPE = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
# What people put where nothing is to be said.
_NOTHING = frozenset({"-", "--", "–", "—", "n/a", "."})
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b-\u200f\u2028-\u202e\ufeff]")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not empty, and the line it stands on in its sheet (from 1)."""

    line: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet by the name that its file gives it."""

    name: str
    rows: tuple[Row, ...]


def read(files: Sequence[tuple[str, bytes]]) -> list[Sheet]:
    """The sheets of one XLSX, one ZIP of CSVs, or several CSVs, each given as (file name, content).

    Raises ``Refusal``: ``import.empty``, ``import.too_large``, ``import.not_a_book``, ``import.old_format``,
    ``import.macros``, ``import.unsafe``, ``import.damaged``, ``import.too_many_rows``, ``import.too_many_columns``,
    ``import.cell_too_long``.
    """
    if not files or not any(content for _, content in files):
        raise Refusal("import.empty")
    if len(files) > MOST_FILES or sum(len(content) for _, content in files) > MOST_BYTES:
        raise Refusal("import.too_large", most_megabytes=MOST_BYTES // 1_000_000)
    sheets: list[Sheet] = []
    for name, content in files:
        sheets += _file(name, content)
    if len(sheets) > MOST_SHEETS or sum(len(sheet.rows) for sheet in sheets) > MOST_ROWS_TOGETHER:
        raise Refusal("import.too_many_rows", most=MOST_ROWS_TOGETHER)
    if not any(sheet.rows for sheet in sheets):
        raise Refusal("import.empty")
    return sheets


def _file(name: str, content: bytes) -> Iterator[Sheet]:
    if content.startswith(_OLE):
        # Excel 97, and every workbook with a password.
        raise Refusal("import.old_format", file=shown(name))
    if not content.startswith(_ZIP):
        yield Sheet(PurePosixPath(name.replace("\\", "/")).stem, tuple(_csv_rows(name, content)))
        return
    members = _unpacked(name, content)
    if "[Content_Types].xml" in members:
        yield from _workbook(name, content, members)
        return
    for member, inner in members.items():
        stem = PurePosixPath(member)
        if member.endswith("/") or stem.name.startswith((".", "__")) or "__MACOSX" in stem.parts:
            continue
        if inner.startswith((_ZIP, _OLE)) or stem.suffix.lower() not in (".csv", ".tsv", ".txt"):
            raise Refusal("import.not_a_book", file=shown(member))
        yield Sheet(stem.stem, tuple(_csv_rows(member, inner)))


def shown(name: str) -> str:
    """A file's or sheet's name as it is told."""
    return _INVISIBLE.sub("", name)[-60:]


def _unpacked(name: str, content: bytes) -> dict[str, bytes]:
    """Every file of a ZIP, unpacked no further than the limit, whatever it says of its own size."""
    found: dict[str, bytes] = {}
    left = MOST_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > MOST_MEMBERS:
                raise Refusal("import.unsafe", file=shown(name))
            for one in archive.infolist():
                if one.flag_bits & 0x1 or one.filename in found:
                    raise Refusal("import.unsafe", file=shown(name))
                with archive.open(one) as packed:
                    found[one.filename] = packed.read(left + 1)
                left -= len(found[one.filename])
                if left < 0:
                    raise Refusal("import.too_large", most_megabytes=MOST_UNPACKED // 1_000_000)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, zipfile.zlib.error):  # type: ignore[attr-defined]
        raise Refusal("import.damaged", file=shown(name)) from None
    return found


# --- workbooks -----------------------------------------------------------------------------------


def _workbook(name: str, content: bytes, members: dict[str, bytes]) -> Iterator[Sheet]:
    if any("vbaproject" in member.lower() or "macrosheets" in member.lower() for member in members):
        raise Refusal("import.macros", file=shown(name))
    for inner in members.values():
        # UTF-16 writes the same word with zeros in between.
        if _DOCTYPE.search(inner) or (b"\x00" in inner[:200] and _DOCTYPE.search(inner.replace(b"\x00", b""))):
            raise Refusal("import.unsafe", file=shown(name))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that we do not look at
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
            for sheet in book.worksheets:
                yield Sheet(sheet.title, tuple(_rows(sheet.title, _sheet_rows(sheet))))
            book.close()
    except Refusal:
        raise
    except (
        *(InvalidFileException, DefusedXmlException, ParseError, zipfile.BadZipFile),
        *(KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError),
    ):
        # Whatever a broken workbook makes of a library that believes it.
        raise Refusal("import.damaged", file=shown(name)) from None


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, list[Cell]]]:
    # A sheet may say of itself that it has a million rows of sixteen thousand columns.
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), 1):
        yield number, [_cell_of(cell) for cell in row]


def _cell_of(cell: Any) -> Cell:
    value = cell.value
    match value:
        case None:
            return None
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case int() | float():
            if cell.number_format and "%" in cell.number_format:
                return f"{value * 100:.15g}%"
            return f"{value:.15g}"
        case datetime():
            return value.date()
        case date():
            return value
        case _:
            return str(value) if cell.data_type != "f" else "="


def _rows(sheet: str, lines: Iterable[tuple[int, list[Cell]]]) -> Iterator[Row]:
    """The rows in which something stands, tidied, within the limits."""
    count = 0
    for line, raw in lines:
        if not raw:
            continue
        cells = [_tidied(sheet, line, value) for value in raw]
        while cells and cells[-1] is None:
            cells.pop()
        if not cells:
            continue
        if len(cells) > MOST_COLUMNS:
            raise Refusal("import.too_many_columns", sheet=shown(sheet), line=line, most=MOST_COLUMNS)
        count += 1
        if count > MOST_ROWS:
            raise Refusal("import.too_many_rows", most=MOST_ROWS)
        yield Row(line, tuple(cells))


def _tidied(sheet: str, line: int, value: Cell) -> Cell:
    if not isinstance(value, str):
        return value
    tidy = " ".join(_INVISIBLE.sub("", value).split())
    if len(tidy) > LONGEST_CELL:
        raise Refusal("import.cell_too_long", sheet=shown(sheet), line=line, most=LONGEST_CELL)
    if len(tidy) > 1 and tidy[0] in "'’" and tidy[1] in "=+-@":
        tidy = tidy[1:]  # how a spreadsheet is told that this is text
    return None if not tidy or tidy.casefold() in _NOTHING else tidy


# --- comma-separated text ------------------------------------------------------------------------


def decoded(content: bytes) -> str:
    """Text in whatever a spreadsheet program saved it: UTF-8, UTF-16 with or without a mark, or Windows-1252."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    for marker, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        # The headings are letters of which every second byte is zero.
        if len(content) >= 8 and not any(content[marker:8:2]) and any(content[1 - marker : 8 : 2]):
            return content.decode(encoding, "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _csv_rows(name: str, content: bytes) -> Iterator[Row]:
    if (
        content.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8", b"{\\rtf", b"<"))
        or content.count(b"\x00") * 3 > len(content) * 2
    ):
        raise Refusal("import.not_a_book", file=shown(name))
    text = decoded(content)
    rows = csv.reader(io.StringIO(text.replace("\x00", "")), delimiter=_delimiter(text))
    stem = PurePosixPath(name).stem

    def lines() -> Iterator[tuple[int, list[Cell]]]:
        for row in rows:
            yield rows.line_num, list(row)

    try:
        yield from _rows(stem, lines())
    except csv.Error:
        raise Refusal("import.damaged", file=shown(name)) from None


def _delimiter(text: str) -> str:
    """What parts the cells: whatever parts the first lines most; Excel writes ``sep=;`` before them at times."""
    said = re.match(r"sep=([,;\t|])\r?\n", text)
    if said:
        return said[1]
    head = "\n".join([line for line in text.splitlines() if line.strip()][:3])
    bare = re.sub(r'"[^"]*"', "", head)
    return max(",;\t", key=bare.count)
