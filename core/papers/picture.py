"""The picture of a circle for a small screen: a PNG of 1080 by 1080.

Owns the drawing. Every standing has a colour and a shape of its own, so that it is read without colours too: a lot
that has received is filled and ticked, one in the draw has a star, one that is due is half filled, a late one is a
triangle with an exclamation mark. Up to two dozen lots carry names beside them; more stand in rings with their
numbers. Colours are those that colour-blind people tell apart (Okabe and Ito's).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from core.papers import fonts, labels
from core.papers.circle import Circle, Place
from core.papers.hand import Hand

SIZE = 1080
# Drawn larger and made smaller: smooth edges.
_SCALE = 2
_MOST_NAMED = 24
_MOST_ON_CIRCLE = 12
_COLOURS = 64

_PAPER = "#fbf8f1"
_INK = "#1d1a16"
_BLUE, _GREEN, _ORANGE, _RED, _GREY = "#0072b2", "#009e73", "#e69f00", "#d55e00", "#b9b3a6"

_LEGEND = {
    "received": labels.LEGEND_RECEIVED,
    "next": labels.LEGEND_NEXT,
    "good": labels.LEGEND_GOOD,
    "due": labels.LEGEND_DUE,
    "late": labels.LEGEND_LATE,
    "waiting": labels.LEGEND_WAITING,
}

Point = tuple[float, float]


def look_of(place: Place) -> str:
    """received, next, late, due, good or waiting: the mark that a lot gets."""
    if place.received:
        return "received"
    if place.next:
        return "next"
    return "waiting" if place.standing == "hidden" else place.standing


def draw_circle(circle: Circle, hand: Hand) -> bytes:
    """The picture as PNG."""
    image = Image.new("RGB", (SIZE * _SCALE, SIZE * _SCALE), _PAPER)
    pen = _Pen(image)
    inner = _named(pen, circle.places) if len(circle.places) <= _MOST_NAMED else _dense(pen, circle.places)
    _centre(pen, circle, hand, inner)
    _legend(pen, circle, hand)
    small = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    file = BytesIO()
    small.quantize(_COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


class _Pen:
    """Draws in the picture's own 1080 units."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)

    def wide(self, text: str, size: int, *, bold: bool = False) -> float:
        return float(_letters(size, bold).getlength(text)) / _SCALE

    def text(self, at: Point, text: str, size: int, *, bold: bool = False, anchor: str = "mm", ink: str = _INK) -> None:
        place = (at[0] * _SCALE, at[1] * _SCALE)
        self._draw.text(place, text, fill=ink, font=_letters(size, bold), anchor=anchor)

    def disc(self, at: Point, radius: float, fill: str, outline: str = "", line: float = 0) -> None:
        self._draw.ellipse(_box(at, radius), fill=fill, outline=outline or fill, width=round(line * _SCALE))

    def half(self, at: Point, radius: float, fill: str) -> None:
        self._draw.pieslice(_box(at, radius), 90, 270, fill=fill)

    def shape(self, points: Sequence[Point], fill: str) -> None:
        self._draw.polygon([(x * _SCALE, y * _SCALE) for x, y in points], fill=fill)

    def line(self, points: Sequence[Point], ink: str, width: float) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.line(scaled, fill=ink, width=round(width * _SCALE), joint="curve")


@lru_cache(maxsize=64)
def _letters(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    file = BytesIO(fonts.font(fonts.BOLD if bold else fonts.REGULAR))
    return ImageFont.truetype(file, size * _SCALE)


def _box(at: Point, radius: float) -> tuple[float, float, float, float]:
    x, y, r = at[0] * _SCALE, at[1] * _SCALE, radius * _SCALE
    return x - r, y - r, x + r, y + r


# --- marks -----------------------------------------------------------------------------------------------


def _mark(pen: _Pen, at: Point, radius: float, look: str, number: str = "") -> None:
    """The mark of a lot, with its number inside where there is room for one."""
    x, y = at
    line = max(2.0, radius / 9)
    ink = _INK
    match look:
        case "received":
            pen.disc(at, radius, _BLUE)
            ink = "#ffffff"
        case "next":
            pen.shape(_star(at, radius * 1.28), _GREEN)
            ink = "#ffffff"
        case "good":
            pen.disc(at, radius, "#ffffff", _GREEN, line * 1.6)
        case "due":
            pen.disc(at, radius, "#ffffff", _ORANGE, line * 1.6)
            pen.half(at, radius, _ORANGE)
        case "late":
            low, wide = y + radius * 0.82, radius * 1.22
            pen.shape([(x, y - radius * 1.25), (x + wide, low), (x - wide, low)], _RED)
            ink = "#ffffff"
        case _:
            pen.disc(at, radius, "#ffffff", _GREY, line)
    if number and radius >= 13:
        size = round(radius * (0.78 if look in ("late", "next") else 0.95) * (0.8 if len(number) > 2 else 1))
        pen.text((x, y + (radius * 0.2 if look == "late" else 0)), number, size, bold=True, ink=ink)
    if look == "received" and radius >= 20:
        _tick(pen, (x + radius * 0.78, y - radius * 0.78), radius * 0.42)


def _tick(pen: _Pen, at: Point, radius: float) -> None:
    x, y = at
    pen.disc(at, radius, "#ffffff", _BLUE, max(1.5, radius / 6))
    pen.line(
        [(x - radius * 0.45, y), (x - radius * 0.1, y + radius * 0.4), (x + radius * 0.5, y - radius * 0.4)],
        _BLUE,
        max(2.0, radius / 4),
    )


def _warning(pen: _Pen, at: Point, radius: float) -> None:
    """Beside a lot that has received and still owes what is late."""
    pen.shape(
        [(at[0], at[1] - radius), (at[0] + radius, at[1] + radius * 0.75), (at[0] - radius, at[1] + radius * 0.75)],
        _RED,
    )
    pen.text((at[0], at[1] + radius * 0.12), "!", round(radius * 1.2), bold=True, ink="#ffffff")


def _star(at: Point, radius: float) -> list[Point]:
    points = []
    for corner in range(16):
        reach = radius if corner % 2 == 0 else radius * 0.8
        angle = math.pi * corner / 8 - math.pi / 2
        points.append((at[0] + reach * math.cos(angle), at[1] + reach * math.sin(angle)))
    return points


# --- where lots stand ------------------------------------------------------------------------------------

_MIDDLE: Point = (SIZE / 2, 490)


def _on_circle(radius: float, place: int, count: int) -> Point:
    angle = 2 * math.pi * place / count - math.pi / 2
    return _MIDDLE[0] + radius * math.cos(angle), _MIDDLE[1] + radius * math.sin(angle)


def _named(pen: _Pen, places: Sequence[Place]) -> float:
    """Lots around a circle, each with a name outside; returns the room inside."""
    count = len(places)
    if count <= _MOST_ON_CIRCLE:
        ring = 318.0
        radius = min(44.0, ring * math.sin(math.pi / max(count, 2)) * 0.72)
        spots = [_on_circle(ring, number, count) for number in range(count)]
    else:
        ring, radius = 290.0, min(34.0, 400 / math.ceil(count / 2) * 0.86)
        spots = _on_two_sides(ring, 425.0, count)
    for place, at in zip(places, spots, strict=True):
        _mark(pen, at, radius, look_of(place), str(place.number))
        if place.received and place.standing == "late":
            _warning(pen, (at[0] - radius * 0.8, at[1] - radius * 0.8), max(10.0, radius * 0.4))
        _name(pen, at, radius, place, count)
    return ring - radius - 12


def _on_two_sides(across: float, down: float, count: int) -> list[Point]:
    """Down the right and up the left side of a rounded frame, a line of text for each: no name meets another lot."""
    right = math.ceil(count / 2)
    spots = []
    for number in range(count):
        here, size, side = (number, right, 1) if number < right else (count - 1 - number, count - right, -1)
        height = (2 * here + 1) / size - 1
        spots.append((_MIDDLE[0] + side * across * (1 - abs(height) ** 2.5) ** 0.4, _MIDDLE[1] + height * down))
    return spots


def _name(pen: _Pen, at: Point, radius: float, place: Place, count: int) -> None:
    """The holders beside the mark, outwards, as much of them as the screen holds."""
    size = 27 if count <= 12 else 23
    across, down = at[0] - _MIDDLE[0], at[1] - _MIDDLE[1]
    if abs(across) < 60 and count <= _MOST_ON_CIRCLE:
        room, anchor = 360.0, "mm"
        where = (at[0], at[1] + math.copysign(radius + size * 1.0, down))
    else:
        left = across < 0
        x = at[0] + (-radius * 1.35 - 6 if left else radius * 1.35 + 6)
        room, anchor = (x - 12 if left else SIZE - 12 - x), "rm" if left else "lm"
        where = (x, at[1])
    lines = _name_lines(pen, place.names, size, room)
    for number, line in enumerate(lines):
        y = where[1] + (number - (len(lines) - 1) / 2) * size * 1.15
        pen.text((where[0], y), line, size, anchor=anchor)


def _name_lines(pen: _Pen, names: Sequence[str], size: int, room: float) -> list[str]:
    """At most two lines: the first names of those who share a lot, the whole name of who holds it alone."""
    if not names:
        return []
    if len(names) == 1:
        first, _, rest = fonts.readable(names[0]).partition(" ")
        whole = f"{first} {rest}".strip()
        lines = [whole] if not rest or pen.wide(whole, size) <= room else [first, rest]
    else:
        firsts = [fonts.readable(name).split(" ")[0] for name in names]
        lines = [firsts[0], firsts[1] if len(names) == 2 else f"+{len(names) - 1}"]
    return [_shortened(pen, line, size, room) for line in lines]


def _shortened(pen: _Pen, text: str, size: int, room: float) -> str:
    if pen.wide(text, size) <= room:
        return text
    while len(text) > 1 and pen.wide(text + "…", size) > room:
        text = text[:-1].rstrip()
    return text + "…"


def _dense(pen: _Pen, places: Sequence[Place]) -> float:
    """Many lots in rings, from the outermost inwards, with their numbers where they can be read."""
    count = len(places)
    outer, inner = 460.0, 215.0
    # The largest marks with which all of them find a place.
    step = next((size for size in range(100, 7, -1) if sum(_ring_sizes(outer, inner, float(size))) >= count), 8)
    sizes = _ring_sizes(outer, inner, float(step))
    capacity = sum(sizes)
    start = 0
    for ring, size in enumerate(sizes):
        last = ring == len(sizes) - 1
        here = count - start if last else min(count - start, math.ceil(count * size / capacity))
        radius = outer - step / 2 - ring * step
        for number in range(here):
            place = places[start + number]
            at = _on_circle(radius, number, here)
            _mark(pen, at, step * 0.4, look_of(place), str(place.number))
            if place.received and place.standing == "late":
                _warning(pen, (at[0] - step * 0.3, at[1] - step * 0.3), max(6.0, step * 0.2))
        start += here
    return outer - len(sizes) * step - 8


def _ring_sizes(outer: float, inner: float, step: float) -> list[int]:
    """How many marks fit on each ring."""
    sizes = []
    radius = outer - step / 2
    while radius - step / 2 >= inner:
        sizes.append(int(2 * math.pi * radius / step))
        radius -= step
    return sizes


# --- the middle and the foot -----------------------------------------------------------------------------


def _centre(pen: _Pen, circle: Circle, hand: Hand, room: float) -> None:
    """Name, round, pot and due day, in lines that fit into the circle."""
    lines: list[tuple[str, int, bool]] = [(fonts.readable(circle.name), 52, True)]
    if circle.round is None:
        lines.append((hand.say(labels.CIRCLE_FORMING), 34, False))
    elif circle.status == "closed":
        lines.append((hand.say(labels.CIRCLE_OVER), 34, False))
    else:
        lines.append((hand.say(labels.CIRCLE_ROUND, number=circle.round, whole=circle.rounds), 40, False))
        pot = hand.say(
            labels.CIRCLE_POT,
            collected=hand.amount(circle.collected_minor, circle.currency).removesuffix(".00"),
            pot=hand.money(circle.pot_minor, circle.currency),
        )
        lines.append((pot, 34, True))
        if circle.due_at is not None:
            lines.append((hand.say(labels.CIRCLE_DUE, when=hand.day(circle.due_at)), 28, False))
        if circle.paused_until is not None:
            lines.append((hand.say(labels.CIRCLE_PAUSED, when=hand.on(circle.paused_until)), 28, True))
    width = room * 1.75
    y = _MIDDLE[1] - len(lines) * 28 + 14
    for text, size, bold in lines:
        while size > 18 and pen.wide(text, size, bold=bold) > width:
            size -= 2
        pen.text((_MIDDLE[0], y), _shortened(pen, text, size, width), size, bold=bold)
        y += 58


def _legend(pen: _Pen, circle: Circle, hand: Hand) -> None:
    """What each mark that occurs means, in a row or two at the foot, and how things stood when."""
    seen = [look for look in _LEGEND if any(look_of(place) == look for place in circle.places)]
    size = 26
    words = {**_LEGEND, "next": labels.LEGEND_TURN} if circle.by_turns else _LEGEND
    entries = [(look, hand.say(words[look])) for look in seen]
    widths = [48 + pen.wide(text, size) + 30 for _, text in entries]
    rows: list[list[int]] = [[]]
    for number, width in enumerate(widths):
        if rows[-1] and sum(widths[n] for n in rows[-1]) + width > SIZE - 60:
            rows.append([])
        rows[-1].append(number)
    y = 1000.0 if len(rows) == 1 else 985.0
    for row in rows:
        x = (SIZE - sum(widths[n] for n in row) + 30) / 2
        for number in row:
            look, text = entries[number]
            _mark(pen, (x + 18, y), 15, look)
            pen.text((x + 44, y), text, size, anchor="lm")
            x += widths[number]
        y += 42
