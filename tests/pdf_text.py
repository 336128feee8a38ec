"""Reads the text of a PDF as a viewer copies it: through the ToUnicode maps of the fonts inside. Ours alone."""

import re
import zlib

_OBJECT = re.compile(rb"(\d+) 0 obj\s(.*?)endobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages_of(document: bytes) -> list[str]:
    """The text of each page, a line for each piece that was set by itself."""
    objects = {int(number): body for number, body in _OBJECT.findall(document)}
    fonts = {name: _map_of(objects, int(number)) for name, number in _fonts(document)}
    pages = []
    for body in objects.values():
        contents = re.search(rb"/Type /Page\b.*?/Contents (\d+) 0 R", body, re.DOTALL) or re.search(
            rb"/Contents (\d+) 0 R.*?/Type /Page\b", body, re.DOTALL
        )
        if contents:
            pages.append(_text(_stream(objects[int(contents[1])]), fonts))
    return pages


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    assert found is not None
    return zlib.decompress(found[1]) if b"/FlateDecode" in body else found[1]


def _fonts(document: bytes) -> list[tuple[bytes, bytes]]:
    return re.findall(rb"/(F\d+) (\d+) 0 R", document)


def _map_of(objects: dict[int, bytes], number: int) -> dict[int, str]:
    found = re.search(rb"/ToUnicode (\d+) 0 R", objects[number])
    assert found is not None, "a font without a map to Unicode cannot be copied from"
    said = _stream(objects[int(found[1])]).decode("latin-1")
    letters = {}
    for glyph, text in re.findall(r"^<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>$", said, re.MULTILINE):
        letters[int(glyph, 16)] = bytes.fromhex(text).decode("utf-16-be")
    return letters


def _text(content: bytes, fonts: dict[bytes, dict[int, str]]) -> str:
    lines, current = [], b""
    for name, piece in re.findall(rb"/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\()])*)\) ?Tj", content, re.DOTALL):
        if name:
            current = name
            continue
        plain = re.sub(rb"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), piece, flags=re.DOTALL)
        glyphs = [int.from_bytes(plain[n : n + 2]) for n in range(0, len(plain), 2)]
        lines.append("".join(fonts[current].get(glyph, "?") for glyph in glyphs))
    return "\n".join(lines)
