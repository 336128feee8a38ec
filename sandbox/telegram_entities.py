"""Formatted text as Telegram reads it: HTML and MarkdownV2 become plain text and entities.

Refuses broken markup with Telegram's sentence. The old "Markdown" mode is refused altogether: it is
legacy, and what it accepts depends on accidents. Offsets and lengths are UTF-16 units.
"""

import html
import re
from typing import Any

from sandbox.telegram_markup import BadRequest

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
    "span": "spoiler",
    "tg-emoji": "custom_emoji",
}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s[^<>]*)?)>")
_HREF = re.compile(r"""\bhref\s*=\s*("([^"]*)"|'([^']*)'|(\S+))""")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#[0-9]+|#x[0-9a-fA-F]+);")
_COMMAND = re.compile(r"(?<![\w/])/[A-Za-z0-9_]{1,32}(?:@\w+)?")

_V2_MARKS = (("||", "spoiler"), ("__", "underline"), ("*", "bold"), ("_", "italic"), ("~", "strikethrough"))
_V2_RESERVED = frozenset("_*[]()~`>#+-=|{}.!")

Entities = list[dict[str, Any]]


def utf16(text: str) -> int:
    """Length in UTF-16 units, in which Telegram counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse(text: str, mode: str | None) -> tuple[str, Entities]:
    """Plain text without the markup, and its entities; BadRequest when the markup is broken."""
    if not mode:
        return text, []
    if mode.lower() == "html":
        return _parse_html(text)
    if mode.lower() == "markdownv2":
        return _parse_v2(text)
    raise BadRequest("unsupported parse_mode")


def commands(text: str) -> Entities:
    """The bot_command entities a client marks in what a person typed."""
    return [
        {"type": "bot_command", "offset": utf16(text[: found.start()]), "length": utf16(found.group())}
        for found in _COMMAND.finditer(text)
    ]


def _fail(why: str, source: str, at: int) -> BadRequest:
    return BadRequest(f"can't parse entities: {why} at byte offset {len(source[:at].encode())}")


def _parse_html(source: str) -> tuple[str, Entities]:
    plain: list[str] = []
    entities: Entities = []
    opened: list[tuple[str, int, str]] = []
    at = length = 0
    while at < len(source):
        if source[at] == "<":
            tag = _TAG.match(source, at)
            if tag is None:
                raise _fail("unsupported start tag or unclosed <", source, at)
            name = tag.group(2).lower()
            if tag.group(1):
                length = _close(opened, name, entities, length, source, at)
            else:
                if name not in _TAGS:
                    raise _fail(f'unsupported start tag "{name}"', source, at)
                opened.append((name, length, tag.group(3)))
            at = tag.end()
            continue
        entity = _ENTITY.match(source, at) if source[at] == "&" else None
        piece = html.unescape(entity.group()) if entity else source[at]
        at = entity.end() if entity else at + 1
        plain.append(piece)
        length += utf16(piece)
    if opened:
        raise BadRequest(f"can't parse entities: can't find end tag corresponding to start tag \"{opened[-1][0]}\"")
    return "".join(plain), _sorted(entities)


def _close(opened: list[tuple[str, int, str]], name: str, entities: Entities, length: int, source: str, at: int) -> int:
    if not opened:
        raise _fail("unexpected end tag", source, at)
    expected, start, attributes = opened.pop()
    if expected != name:
        raise _fail(f'unmatched end tag, expected "</{expected}>", found "</{name}>"', source, at)
    if length > start:
        entity: dict[str, Any] = {"type": _TAGS[name], "offset": start, "length": length - start}
        if name == "a":
            href = _HREF.search(attributes)
            if href is None:
                return length
            entity["url"] = html.unescape(next(group for group in href.groups()[1:] if group is not None))
        entities.append(entity)
    return length


def _parse_v2(source: str) -> tuple[str, Entities]:
    plain: list[str] = []
    entities: Entities = []
    opened: list[tuple[str, str, int]] = []
    at = length = 0
    while at < len(source):
        if source[at] == "\\" and at + 1 < len(source) and ord(source[at + 1]) < 127:
            plain.append(source[at + 1])
            at, length = at + 2, length + 1
            continue
        if source[at] == "`":
            at, piece, kind = _v2_code(source, at)
            entities.append({"type": kind, "offset": length, "length": utf16(piece)})
            plain.append(piece)
            length += utf16(piece)
            continue
        if source.startswith("](", at) and opened and opened[-1][0] == "[":
            end = source.find(")", at)
            if end < 0:
                raise _fail("can't find end of a URL", source, at)
            start = opened.pop()[2]
            url = re.sub(r"\\(.)", r"\1", source[at + 2 : end])
            entities.append({"type": "text_link", "offset": start, "length": length - start, "url": url})
            at = end + 1
            continue
        mark = next(((m, kind) for m, kind in _V2_MARKS if source.startswith(m, at)), None)
        if source[at] == "[":
            mark = ("[", "text_link")
        if mark is not None:
            _v2_toggle(opened, mark, entities, length)
            at += len(mark[0])
            continue
        if source[at] in _V2_RESERVED:
            why = f"character '{source[at]}' is reserved and must be escaped with the preceding '\\'"
            raise BadRequest(f"can't parse entities: {why}")
        plain.append(source[at])
        length += utf16(source[at])
        at += 1
    if opened:
        raise _fail(f"can't find end of {opened[-1][1]} entity", source, len(source))
    return "".join(plain), _sorted(entities)


def _v2_toggle(opened: list[tuple[str, str, int]], mark: tuple[str, str], entities: Entities, length: int) -> None:
    if opened and opened[-1][0] == mark[0] and mark[0] != "[":
        _, kind, start = opened.pop()
        if length > start:
            entities.append({"type": kind, "offset": start, "length": length - start})
    else:
        opened.append((mark[0], mark[1], length))


def _v2_code(source: str, at: int) -> tuple[int, str, str]:
    fence = "```" if source.startswith("```", at) else "`"
    end = source.find(fence, at + len(fence))
    if end < 0:
        raise _fail("can't find end of code entity", source, at)
    piece = re.sub(r"\\(.)", r"\1", source[at + len(fence) : end])
    return end + len(fence), piece, "pre" if fence == "```" else "code"


def _sorted(entities: Entities) -> Entities:
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))
