"""A book as files for spreadsheets: CSV of one table, XLSX of all.

CSV is UTF-8 with a byte order mark, so that a spreadsheet reads Ethiopic, and what would be read as a formula is
text. The workbook is written here rather than by a library: cell by cell, seventy thousand contributions take one
seven seconds. Its numbers are numbers and its dates dates; each sheet has a frozen heading and filters.
"""

import csv
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from io import BytesIO, StringIO
from itertools import chain, islice, repeat
from typing import Any
from zoneinfo import ZoneInfo

from core.money import MINOR_DIGITS
from core.papers.book import Book
from core.papers.hand import Hand
from core.papers.tables import Table, all_tables, table
from core.papers.undisturbed import undisturbed

_BYTE_ORDER_MARK = "\ufeff"
# What a spreadsheet takes for the beginning of a formula; the wide forms too, which some fold.
_FORMULA = re.compile(r"^[=+\-@\t\r＝＋－＠]")
# What XML cannot hold, and surrogates that nobody could encode.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Day 0 of a spreadsheet's calendar.
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 (a spreadsheet's dates have no zone)


@undisturbed()
def csv_of(book: Book, hand: Hand, name: str = "") -> bytes:
    """One table: that of ``name``, else the contributions by round. Raises ``Refusal("paper.no_such_table")``."""
    chosen = table(book, hand, name or "dues")
    digits = MINOR_DIGITS[book.facts.currency]
    zone = ZoneInfo(hand.timezone)

    def text(value: str) -> str:
        return f"'{value}" if _FORMULA.match(value) else value

    def money(value: int) -> str:
        return f"{value / 10**digits:.{digits}f}"

    def instant(value: datetime) -> str:
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"

    def day(value: datetime) -> str:
        return f"{value.astimezone(zone):%Y-%m-%d}"

    writes: dict[str, Callable[[Any], str]] = {
        "text": text, "number": str, "money": money, "instant": instant, "date": day,
    }  # fmt: skip
    columns = [_written(column.values, writes[column.kind], nothing="") for column in chosen.columns]
    file = StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([text(column.title) for column in chosen.columns])
    writer.writerows(zip(*columns, strict=True))
    return (_BYTE_ORDER_MARK + file.getvalue()).encode()


class _Known(dict[Any, str]):
    """Values in words, each put into words once: few values stand on thousands of lines."""

    def __init__(self, write: Callable[[Any], str], nothing: str) -> None:
        super().__init__({None: nothing, "": nothing})
        self._write = write

    def __missing__(self, value: Any) -> str:
        said = self[value] = self._write(value)
        return said


def _written(values: Sequence[Any], write: Callable[[Any], str], *, nothing: str) -> list[str]:
    return list(map(_Known(write, nothing).__getitem__, values))


# --- XLSX ------------------------------------------------------------------------------------------------

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEETML = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
# Their places in cellXfs below.
_STYLE = {"text": 0, "number": 0, "heading": 1, "money": 2, "date": 3, "instant": 4}
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="3"><numFmt numFmtId="164" formatCode="{money}"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="166" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Noto Sans"/></font>'
    '<font><b/><sz val="11"/><name val="Noto Sans"/></font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFE8E4D8"/></patternFill></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="166" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


@undisturbed()
def xlsx_of(book: Book, hand: Hand) -> bytes:
    """A workbook with a sheet for each table."""
    tables = all_tables(book, hand)
    texts = _Texts()
    digits = MINOR_DIGITS[book.facts.currency]
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:

        def put(path: str, content: str) -> None:
            # The same bytes for the same book: the date inside is not that of the making.
            package.writestr(zipfile.ZipInfo(path), content.encode(), zipfile.ZIP_DEFLATED, 1)

        put("[Content_Types].xml", _content_types(len(tables)))
        put("_rels/.rels", _relations([("officeDocument", "xl/workbook.xml")]))
        put("xl/workbook.xml", _workbook(tables))
        sheets = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(tables) + 1)]
        put(
            "xl/_rels/workbook.xml.rels",
            _relations([*sheets, ("styles", "styles.xml"), ("sharedStrings", "texts.xml")]),
        )
        put("xl/styles.xml", _STYLES.replace("{money}", "#,##0" + ("." + "0" * digits if digits else "")))
        for number, one in enumerate(tables, 1):
            put(f"xl/worksheets/sheet{number}.xml", "".join(_sheet(one, texts, hand, digits)))
        put("xl/texts.xml", texts.as_xml())
    return file.getvalue()


class _Texts:
    """The texts of a workbook, each kept once; a cell names its place."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._cells = _Known(self._kept, "<c/>")

    def _kept(self, text: str) -> str:
        self._texts.append(text)
        return f'<c t="s"><v>{len(self._texts) - 1}</v></c>'

    def cells(self, values: Sequence[str], *, style: int = 0) -> list[str]:
        """A cell for each text; an empty one for none."""
        cells = list(map(self._cells.__getitem__, values))
        return [cell.replace("<c", f'<c s="{style}"', 1) for cell in cells] if style else cells

    def as_xml(self) -> str:
        items = '</t></si><si><t xml:space="preserve">'.join(map(_escaped, self._texts))
        return (
            f'{_XML}<sst xmlns="{_MAIN}" uniqueCount="{len(self._texts)}">'
            f'<si><t xml:space="preserve">{items}</t></si></sst>'
        )


def _escaped(text: str) -> str:
    if text.isalnum():
        return text
    clean = _NOT_XML.sub("", text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _content_types(sheets: int) -> str:
    parts = [("/xl/workbook.xml", "sheet.main"), ("/xl/styles.xml", "styles"), ("/xl/texts.xml", "sharedStrings")]
    parts += [(f"/xl/worksheets/sheet{n}.xml", "worksheet") for n in range(1, sheets + 1)]
    said = "".join(f'<Override PartName="{path}" ContentType="{_SHEETML}.{kind}+xml"/>' for path, kind in parts)
    return (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{said}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    said = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/{kind}" Target="{path}"/>'
        for n, (kind, path) in enumerate(targets, 1)
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{said}</Relationships>'


def _workbook(tables: Sequence[Table]) -> str:
    names: list[str] = []
    for one in tables:
        # A sheet's name has at most 31 letters, none of these, and no twin.
        name = re.sub(r"[\[\]:*?/\\']", " ", one.title)[:28]
        names.append(name if name not in names else f"{name} {len(names)}")
    sheets = "".join(f'<sheet name="{_escaped(name)}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, 1))
    filters = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{n}" hidden="1">'
        f"'{_escaped(name)}'!$A$1:${_letters(len(one.columns))}${len(one) + 1}</definedName>"
        for n, (name, one) in enumerate(zip(names, tables, strict=True))
    )
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets>'
        f"<definedNames>{filters}</definedNames></workbook>"
    )


def _letters(number: int) -> str:
    """1 → A, 27 → AA."""
    name = ""
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name


def _sheet(one: Table, texts: _Texts, hand: Hand, digits: int) -> Iterator[str]:
    last = f"{_letters(len(one.columns))}{len(one) + 1}"
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{column.width}" customWidth="1"/>' for n, column in enumerate(one.columns, 1)
    )
    yield (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData>"
    )
    # Neither rows nor cells say where they are: they stand in order, and an empty one keeps its place.
    heads = texts.cells([column.title for column in one.columns], style=_STYLE["heading"])
    yield f"<row>{''.join(heads)}</row>"
    cells = [
        texts.cells(column.values)
        if column.kind == "text"
        else _written(column.values, _cell(column.kind, hand, digits), nothing="<c/>")
        for column in one.columns
    ]
    if len(one):
        yield "<row>"
        # Cell by cell into the one string, without a string for each row in between.
        yield "".join(islice(chain.from_iterable(zip(repeat("</row><row>"), *cells)), 1, None))
        yield "</row>"
    yield f'</sheetData><autoFilter ref="A1:{last}"/></worksheet>'


def _cell(kind: str, hand: Hand, digits: int) -> Callable[[Any], str]:
    """Writes a cell of that kind."""
    style = f' s="{_STYLE[kind]}"' if _STYLE[kind] else ""
    zone = ZoneInfo(hand.timezone)

    def number(value: int) -> str:
        return f"<c{style}><v>{value}</v></c>"

    def money(value: int) -> str:
        return f"<c{style}><v>{value / 10**digits:.{digits}f}</v></c>"

    def instant(value: datetime) -> str:
        since = value.astimezone(zone).replace(tzinfo=None, microsecond=0) - _DAY_ZERO
        return f"<c{style}><v>{since.days + since.seconds / 86400:.6f}</v></c>"

    def day(value: datetime) -> str:
        return f"<c{style}><v>{(value.astimezone(zone).replace(tzinfo=None) - _DAY_ZERO).days}</v></c>"

    writes: dict[str, Callable[[Any], str]] = {
        "number": number, "money": money, "instant": instant, "date": day,
    }  # fmt: skip
    return writes[kind]
