"""How many SMS a text becomes: GSM 03.38 where every character fits, UCS-2 otherwise.

Pure counting. A part holds 160 septets alone or 153 in a chain (70 and 67 UTF-16 units in UCS-2), and
neither an escaped character nor a surrogate pair is cut in two by the end of a part.
"""

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Segments:
    """encoding is "GSM-7" or "UCS-2"; units are septets or UTF-16 units; left fit into the last part."""

    encoding: str
    count: int
    units: int
    left: int


def count(text: str) -> Segments:
    """Parts needed for the text; an empty text is still one part."""
    if all(letter in _BASIC or letter in _ESCAPED for letter in text):
        widths = [2 if letter in _ESCAPED else 1 for letter in text]
        return _pack(widths, encoding="GSM-7", alone=160, chained=153)
    widths = [2 if ord(letter) > 0xFFFF else 1 for letter in text]
    return _pack(widths, encoding="UCS-2", alone=70, chained=67)


def _pack(widths: list[int], *, encoding: str, alone: int, chained: int) -> Segments:
    units = sum(widths)
    if units <= alone:
        return Segments(encoding, 1, units, alone - units)
    parts, used = 1, 0
    for width in widths:
        if used + width > chained:
            parts, used = parts + 1, 0
        used += width
    return Segments(encoding, parts, units, chained - used)
