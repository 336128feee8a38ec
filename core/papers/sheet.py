"""Pages of A4 for a black-and-white printer: head, foot, tables that go on over pages, a place to sign.

Owns where things stand on a page; knows nothing of books. A table's widths are millimetres; a text that is wider
than its column goes on in a further line and is never cut, amounts stand at the right, the headings are repeated on
every page. Lines are hairlines and nothing is told by colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from core.papers import fonts

MARGIN_MM = 14.0
FOOT_MM = 14.0
LINE_FACTOR = 0.46  # millimetres of a line for a point of its letters

_FAMILY = "equb"
_RULE_GREY = 150
_BAND_GREY = 238


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of a printed table."""

    title: str
    width_mm: float
    right: bool = False
    bold: bool = False


class Sheet(FPDF):
    """A document in the making. ``foot``: what stands at the left of each page's foot."""

    def __init__(self, *, title: str, author: str, language: str, foot: str, page: str, made_at: datetime) -> None:
        super().__init__(format="A4")
        self.add_font(_FAMILY, "", fonts.font_file(fonts.REGULAR))
        self.add_font(_FAMILY, "B", fonts.font_file(fonts.BOLD))
        self.set_title(title)
        self.set_author(author)
        self.set_lang(language)
        self.set_creation_date(made_at)
        self.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(False)
        self.set_line_width(0.15)
        self.c_margin = 0
        self.set_draw_color(_RULE_GREY)
        self._foot, self._page_text = fonts.readable(foot), page
        self._sizes: dict[tuple[str, str, float], float] = {}

    # --- letters ---------------------------------------------------------------------------------

    def write_in(self, size: float, *, bold: bool = False) -> None:
        """From here on letters of this size (points)."""
        self.set_font(_FAMILY, "B" if bold else "", size)

    def wide(self, text: str) -> float:
        """How wide a text is in the present letters, in millimetres."""
        key = (text, self.font_style, self.font_size_pt)
        found = self._sizes.get(key)
        if found is None:
            found = self._sizes[key] = self.get_string_width(text)
        return found

    def lines_of(self, text: str, width_mm: float) -> list[str]:
        """The text in lines of at most that width: broken between words, a longer word anywhere."""
        text = fonts.readable(text)
        if self.wide(text) <= width_mm:
            return [text]
        lines: list[str] = []
        line = ""
        for word in text.split():
            trial = f"{line} {word}" if line else word
            if self.wide(trial) <= width_mm:
                line = trial
                continue
            if line:
                lines.append(line)
            while self.wide(word) > width_mm and len(word) > 1:
                fits = next(n for n in range(len(word), 0, -1) if n == 1 or self.wide(word[:n]) <= width_mm)
                lines.append(word[:fits])
                word = word[fits:]
            line = word
        return [*lines, line]

    # --- places ----------------------------------------------------------------------------------

    @property
    def bottom_mm(self) -> float:
        """Where the foot begins."""
        return float(self.h) - FOOT_MM - 4

    def room_for(self, height_mm: float) -> bool:
        return self.get_y() + height_mm <= self.bottom_mm

    def paragraph(self, text: str, size: float, *, bold: bool = False, width_mm: float = 0) -> None:
        """A text over the page's width, below what is there; the next thing stands below it."""
        self.write_in(size, bold=bold)
        height = size * LINE_FACTOR
        for line in self.lines_of(text, width_mm or self.epw):
            if not self.room_for(height):
                self.add_page()
                self.write_in(size, bold=bold)
            self.cell(0, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def section(self, title: str, *, keep_mm: float = 24) -> None:
        """A title with room for something below it."""
        if not self.room_for(keep_mm):
            self.add_page()
        else:
            self.ln(5)
        self.paragraph(title, 12, bold=True)
        self.ln(1)

    def pairs(self, items: Sequence[tuple[str, str]], *, columns: int = 2) -> None:
        """What something is called, and what it is, side by side in columns."""
        size, width = 9.0, self.epw / columns
        height = size * LINE_FACTOR + 0.6
        for start in range(0, len(items), columns):
            top, deepest = self.get_y(), 1
            for place, (name, value) in enumerate(items[start : start + columns]):
                left = self.l_margin + place * width
                self.write_in(size)
                name = fonts.readable(name)
                # The value begins where the name ends, but not before the middle of short ones.
                indent = max(self.wide(name) + 3, width * 0.42)
                self.text(left, top + height * 0.78, name)
                self.write_in(size, bold=True)
                lines = self.lines_of(value, max(width - indent - 3, 20))
                for number, line in enumerate(lines):
                    self.text(left + indent, top + height * (number + 0.78), line)
                deepest = max(deepest, len(lines))
            self.set_y(top + deepest * height)

    # --- tables ----------------------------------------------------------------------------------

    def listing(
        self,
        headings: Sequence[Heading],
        rows: Sequence[Sequence[str]],
        *,
        size: float = 8,
        total: Sequence[str] | None = None,
    ) -> None:
        """Rows under headings, over as many pages as it takes; ``total`` is a last row in bold."""
        self._headings(headings, size)
        for number, row in enumerate(rows):
            self._row(headings, row, size, banded=number % 2 == 1)
        if total is not None:
            self._row(headings, total, size, bold=True, ruled=True)

    def _headings(self, headings: Sequence[Heading], size: float) -> None:
        self.write_in(size, bold=True)
        height = size * LINE_FACTOR
        cells = [self.lines_of(heading.title, heading.width_mm - 2) for heading in headings]
        deepest = max(map(len, cells))
        if not self.room_for((deepest + 2) * height):
            self.add_page()
            self.write_in(size, bold=True)
        top = self.get_y()
        self._print(headings, cells, top + (height * 0.78), height)
        self.set_y(top + deepest * height + 1)
        self.set_draw_color(0)
        self.line(self.l_margin, self.get_y(), self.l_margin + sum(h.width_mm for h in headings), self.get_y())
        self.set_draw_color(_RULE_GREY)
        self.set_y(self.get_y() + 0.5)

    def _row(
        self,
        headings: Sequence[Heading],
        row: Sequence[str],
        size: float,
        *,
        banded: bool = False,
        bold: bool = False,
        ruled: bool = False,
    ) -> None:
        height = size * LINE_FACTOR
        self.write_in(size, bold=bold)
        cells = [self.lines_of(text, h.width_mm - 2) for text, h in zip(row, headings, strict=True)]
        deep = max(map(len, cells)) * height + 1
        if not self.room_for(deep):
            self.add_page()
            self._headings(headings, size)
            self.write_in(size, bold=bold)
        top = self.get_y()
        width = sum(heading.width_mm for heading in headings)
        if banded:
            self.set_fill_color(_BAND_GREY)
            self.rect(self.l_margin, top, width, deep, "F")
        if ruled:
            self.line(self.l_margin, top, self.l_margin + width, top)
        self._print(headings, cells, top + 0.5 + height * 0.78, height)
        self.set_y(top + deep)

    def _print(self, headings: Sequence[Heading], cells: Sequence[list[str]], base: float, height: float) -> None:
        left = self.l_margin
        for heading, lines in zip(headings, cells, strict=True):
            for number, line in enumerate(lines):
                if line:
                    at = left + heading.width_mm - 2 - self.wide(line) if heading.right else left + 0.5
                    self.text(at, base + number * height, line)
            left += heading.width_mm

    # --- the rest of a page ----------------------------------------------------------------------

    def signatures(self, offices: Sequence[str]) -> None:
        """A line to sign on for each."""
        if not self.room_for(28):
            self.add_page()
        top = self.get_y() + 20
        width = self.epw / len(offices)
        self.write_in(8)
        self.set_draw_color(0)
        for number, office in enumerate(offices):
            left = self.l_margin + number * width
            self.line(left, top, left + width - 8, top)
            self.text(left, top + 4, fonts.readable(office))
        self.set_draw_color(_RULE_GREY)
        self.set_y(top + 8)

    def footer(self) -> None:
        """Called by the library at the end of each page."""
        self.set_y(-FOOT_MM)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.write_in(7.5)
        page = self._page_text.format(page=self.page_no(), pages=self.str_alias_nb_pages)
        # The number of pages is known at the end; its stand-in is wider than it.
        self.cell(self.epw * 0.8, 6, self._foot)
        self.set_x(self.w - self.r_margin - self.wide(page.replace(self.str_alias_nb_pages or "", "000")))
        self.cell(0, 6, page)

    def bytes(self) -> bytes:
        """The finished document."""
        return bytes(self.output())


@lru_cache(maxsize=1)
def portrait_width_mm() -> float:
    """What a portrait page holds between its margins."""
    return 210 - 2 * MARGIN_MM
