"""The two fonts that papers are set in, Latin and Ethiopic in one file each, with the signs of the grid.

Made from the variable fonts of the package ``manimgx_fonts`` (Noto Sans and Noto Sans Ethiopic, SIL Open Font
License): the letters we need, at two weights, merged, so that a line may mix scripts without a search for the
font of each letter. Half a second, once in a process. Refuses nothing: a letter that neither font has is drawn
as an empty frame (``drawable`` says which those are).
"""

from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fontTools import merge, subset
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

REGULAR, BOLD = 400, 700

# Signs of the grid of a book, all of one width; the fonts have none of these, so they are drawn here.
FULL, HALF, EMPTY, EXCUSED, LATER, NONE = "■", "◧", "□", "▬", "▪", "\u2003"

_LATIN = {
    *range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x300, 0x340), *range(0x1E00, 0x1F00), *range(0x2010, 0x2028),
    0x2030, 0x2039, 0x203A, 0x20AC, 0x2116, 0x2212,
}  # fmt: skip
_ETHIOPIC = {*range(0x1200, 0x13A0), *range(0x2D80, 0x2DE0), *range(0xAB00, 0xAB30), *range(0x1E7E0, 0x1E800)}
# What both files have and a paper needs; the rest of a variable font does not survive the merge.
_TABLES = {"GlyphOrder", "head", "hhea", "maxp", "OS/2", "hmtx", "cmap", "loca", "glyf", "name", "post"}
# Thousandths of the letters' size.
SIGN_WIDTH = 760


@lru_cache(maxsize=2)
def font(weight: int) -> bytes:
    """The font file (TrueType) of that weight."""
    parts = []
    for name, letters in (("NotoSans", _LATIN), ("NotoSansEthiopic", _ETHIOPIC)):
        parts.append(_instance(name, letters, weight))
    merged: Any = merge.Merger().merge(parts)
    signs = {
        FULL: _square(1.0),
        HALF: _square(0.5),
        EMPTY: _square(0.0),
        EXCUSED: [(130, 280, 630, 350, False)],
        LATER: [(335, 270, 425, 360, False)],
        NONE: [],
    }
    merged.setGlyphOrder([*merged.getGlyphOrder(), *map(_glyph_name, signs)])
    merged["glyf"].setGlyphOrder(merged.getGlyphOrder())
    for sign, frames in signs.items():
        _add_sign(merged, sign, frames)
    file = BytesIO()
    merged.save(file)
    return file.getvalue()


@lru_cache(maxsize=1)
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="equb-fonts-")  # gone with the process


@lru_cache(maxsize=2)
def font_file(weight: int) -> Path:
    """The same as a file of this process, for a library that reads nothing else."""
    path = Path(_folder().name) / f"equb-{weight}.ttf"
    path.write_bytes(font(weight))
    return path


def _instance(name: str, letters: set[int], weight: int) -> BytesIO:
    """The letters of a variable font at one weight, without what only variable fonts need."""
    source = (files("manimgx_fonts") / f"{name}[wght].ttf").read_bytes()
    opened: Any = TTFont(BytesIO(source), lazy=True)
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True)
    chosen = subset.Subsetter(options)
    chosen.populate(unicodes=letters & set(opened.getBestCmap()))
    chosen.subset(opened)
    axes = {axis.axisTag: weight if axis.axisTag == "wght" else axis.defaultValue for axis in opened["fvar"].axes}
    still = instancer.instantiateVariableFont(opened, axes, inplace=True)
    for table in [table for table in still.keys() if table not in _TABLES]:  # noqa: SIM118 (no dictionary)
        del still[table]
    file = BytesIO()
    still.save(file)
    file.seek(0)
    return file


Frame = tuple[int, int, int, int, bool]


def _square(filled: float) -> list[Frame]:
    """A square with its left part filled: (left, bottom, right, top, whether it is a hole)."""
    left, bottom, right, top, line = 80, 20, 680, 620, 55
    hole_from = left + round((right - left) * filled)
    frames: list[Frame] = [(left, bottom, right, top, False)]
    if filled < 1:
        frames.append((max(hole_from, left + line), bottom + line, right - line, top - line, True))
    return frames


def _glyph_name(sign: str) -> str:
    return f"uni{ord(sign):04X}"


def _add_sign(merged: Any, sign: str, frames: list[Frame]) -> None:
    pen = TTGlyphPen(None)
    for left, bottom, right, top, hole in frames:
        corners = [(left, bottom), (left, top), (right, top), (right, bottom)]
        pen.moveTo(corners[0])
        for corner in reversed(corners[1:]) if hole else corners[1:]:
            pen.lineTo(corner)
        pen.closePath()
    name = _glyph_name(sign)
    merged["glyf"][name] = pen.glyph()
    merged["hmtx"][name] = (SIGN_WIDTH, frames[0][0] if frames else 0)
    for table in merged["cmap"].tables:
        table.cmap[ord(sign)] = name


@lru_cache(maxsize=1)
def drawable() -> frozenset[str]:
    """Every letter that the fonts have."""
    opened: Any = TTFont(BytesIO(font(REGULAR)), lazy=True)
    return frozenset(map(chr, opened.getBestCmap()))


def readable(text: str) -> str:
    """The text with ``?`` for each letter that could not be drawn (an emoji, another script)."""
    known = drawable()
    return text if known.issuperset(text) else "".join(letter if letter in known else "?" for letter in text)
