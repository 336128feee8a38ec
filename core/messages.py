"""Messages: what is said to people, written once and rendered per language and channel.

A ``Kind`` is a sentence with named placeholders, in English (``core.sentences`` has them all; translations
stand in ``locales/``). A ``Message`` is a kind with its values. It is rendered when it is put into the outbox,
because the text said to a member is evidence. Channels differ in form only: choices are buttons on Telegram
and numbered lines in SMS, where a kind may have a brief sentence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from core import catalogues
from core.calendar import ETHIOPIAN, to_ethiopian, to_ethiopian_hour
from core.money import Money

TELEGRAM = "telegram"
SMS = "sms"

# What the choices of a yes-or-no question stand for.
YES = "yes"
NO = "no"

# More choices than this do not fit a small screen; what is beyond is asked for in words.
MOST_CHOICES = 5


@dataclass(frozen=True)
class Kind:
    """A sentence: ``text`` for a chat, ``brief`` for SMS; ``many`` is ``text`` for more than one of its ``count``."""

    name: str
    text: str
    brief: str | None = None
    many: str | None = None

    def __call__(self, **params: Any) -> "Message":
        return Message(self, params)


@dataclass(frozen=True)
class Choice:
    """Something a person may answer: what the button says, and what answering it means."""

    label: "Message | str"
    value: str


@dataclass(frozen=True)
class Message:
    """A sentence with its values: Money, instants, dates, hours, whole numbers, text, or further messages."""

    kind: Kind
    params: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    # Things only one channel can show; the others ignore them: {"contact_button": True}, {"link": "https://…"},
    # {"link_label": a further message}
    extras: Mapping[str, Any] = field(default_factory=dict)

    def offering(self, *choices: Choice) -> "Message":
        return Message(self.kind, self.params, choices, self.extras)

    def showing(self, **extras: Any) -> "Message":
        return Message(self.kind, self.params, self.choices, {**self.extras, **extras})


@dataclass(frozen=True)
class Reader:
    """For whom a message is rendered: language, channel, time zone and calendar decide its form.

    ``calendar``: what they chose, ``ethiopian`` or ``gregorian``; where they chose none, what their language counts by.
    """

    language: str
    channel: str
    timezone: str = "Africa/Addis_Ababa"
    calendar: str | None = None

    @property
    def ethiopian(self) -> bool:
        """Whether they count days and hours as Ethiopia does."""
        return (self.calendar or catalogues.usual_calendar(self.language)) == ETHIOPIAN


@dataclass(frozen=True)
class Rendered:
    """What a channel sends: text, and the labels of choices where the channel has buttons."""

    text: str
    labels: tuple[str, ...]


def render(message: Message, reader: Reader) -> Rendered:
    """Put a message into words."""
    text = sentence(message, reader)
    labels = tuple(
        choice.label if isinstance(choice.label, str) else sentence(choice.label, reader) for choice in message.choices
    )
    if reader.channel == SMS and labels:
        lines = [f"{number} {label}" for number, label in enumerate(labels, 1)]
        return Rendered("\n".join([text, *lines]), ())
    return Rendered(text, labels)


def sentence(message: Message, reader: Reader) -> str:
    """The words of a message alone, without its choices."""
    kind = message.kind
    if kind.brief and reader.channel == SMS:
        template = catalogues.translate(reader.language, kind.brief)
    elif kind.many is not None:
        count = int(message.params["count"])
        template = catalogues.translate_plural(reader.language, kind.text, kind.many, count)
    else:
        template = catalogues.translate(reader.language, kind.text)
    said = template.format_map({name: show(value, reader) for name, value in message.params.items()})
    # A list of nothing at the end leaves no empty line behind.
    return said.rstrip("\n")


def show(value: Any, reader: Reader) -> str:
    """A value as this reader writes it."""
    match value:
        case Message():
            return sentence(value, reader)
        case Money():
            return show_money(value, reader.language)
        case datetime():
            local = value.astimezone(ZoneInfo(reader.timezone))
            day, hour = local.date(), show_hour(local, reader.language, ethiopian=reader.ethiopian)
            return f"{show_date(day, reader.language, ethiopian=reader.ethiopian)} {hour}"
        case date():
            return show_date(value, reader.language, ethiopian=reader.ethiopian)
        case time():
            return show_hour(value, reader.language, ethiopian=reader.ethiopian)
        case str():
            return value
        case Iterable():
            return "\n".join(show(item, reader) for item in value)
        case _:
            return str(value)


def show_money(money: Money, language: str) -> str:
    """``1,000 birr``, the same way everywhere; the currency's word where the language has one."""
    if money.currency == "ETB":
        return f"{money.spoken} {catalogues.translate(language, BIRR.text)}"
    return f"{money.spoken} {money.currency}"


def show_date(day: date, language: str, *, ethiopian: bool) -> str:
    """The Ethiopian date first and the Gregorian one in digits, for who counts so; else the Gregorian one.

    Oromo and Tigrinya call Gregorian months by the names of Ethiopian ones, so that there digits stand alone.
    """
    if ethiopian:
        year, month, day_of_month = to_ethiopian(day)
        name = catalogues.translate(language, MONTHS[month - 1].text)
        return f"{day_of_month} {name} {year} ({day:%d/%m/%Y})"
    if language in catalogues.ETHIOPIAN_CALENDAR:
        return f"{day:%d/%m/%Y}"
    return f"{day.day} {catalogues.gregorian_month(day, language)} {day.year}"


def show_hour(local: datetime | time, language: str, *, ethiopian: bool) -> str:
    """The hour on the reader's own clock."""
    if ethiopian:
        part, hour, minute = to_ethiopian_hour(local)
        return f"{catalogues.translate(language, PARTS[part].text)} {hour}:{minute:02}"
    return f"{local:%H:%M}"


def pack(message: Message) -> dict[str, Any]:
    """A message as JSON, so that it can be rendered again for another channel."""
    return {
        "kind": message.kind.name,
        "params": {name: _pack_value(value) for name, value in message.params.items()},
        "choices": [[_pack_value(choice.label), choice.value] for choice in message.choices],
        "extras": {n: _pack_value(v) if isinstance(v, Message) else v for n, v in message.extras.items()},
    }


def _pack_value(value: Any) -> Any:
    match value:
        case Message():
            return {"$say": pack(value)}
        case Money():
            return {"$money": [value.minor, value.currency]}
        case datetime():
            return {"$at": value.isoformat()}
        case date():
            return {"$on": value.isoformat()}
        case time():
            return {"$hour": value.isoformat()}
        case str() | int() | None:
            return value
        case Iterable():
            return [_pack_value(item) for item in value]
        case _:
            return str(value)


def unpack(packed: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Message:
    """The message that ``pack`` wrote."""
    return Message(
        kinds[packed["kind"]],
        {name: _unpack_value(value, kinds) for name, value in packed["params"].items()},
        tuple(Choice(_unpack_value(label, kinds), value) for label, value in packed.get("choices", [])),
        {name: _unpack_value(value, kinds) for name, value in packed.get("extras", {}).items()},
    )


def _unpack_value(value: Any, kinds: Mapping[str, Kind]) -> Any:
    match value:
        case {"$say": inner}:
            return unpack(inner, kinds)
        case {"$money": [minor, currency]}:
            return Money(minor, currency)
        case {"$at": text}:
            return datetime.fromisoformat(text)
        case {"$on": text}:
            return date.fromisoformat(text)
        case {"$hour": text}:
            return time.fromisoformat(text)
        case list():
            return tuple(_unpack_value(item, kinds) for item in value)
        case _:
            return value


def N_(text: str) -> str:
    """Mark a sentence for the catalogues."""
    return text


def NN_(one: str, many: str) -> tuple[str, str]:
    """Mark a sentence that is said of one thing or of many: one entry of the catalogues with two forms."""
    return one, many


BIRR = Kind("birr", N_("birr"))
MONTHS = [
    Kind(f"month-{number}", text)
    for number, text in enumerate(
        (
            N_("Meskerem"),
            N_("Tikimt"),
            N_("Hidar"),
            N_("Tahsas"),
            N_("Tir"),
            N_("Yekatit"),
            N_("Megabit"),
            N_("Miyazya"),
            N_("Ginbot"),
            N_("Sene"),
            N_("Hamle"),
            N_("Nehase"),
            N_("Pagume"),
        ),
        1,
    )
]
PARTS = {
    "night": Kind("night", N_("night")),
    "morning": Kind("morning", N_("morning")),
    "afternoon": Kind("afternoon", N_("afternoon")),
    "evening": Kind("evening", N_("evening")),
}
