"""Who holds which phone and what stands on its screen: numbers, names, and every line sent or received.

Owns the identity derived from a number (Telegram user id and name), the lines of each phone, and the
feed of changes. Refuses numbers that are not E.164. Knows nothing of providers.
"""

import asyncio
import re
import secrets
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import phonenumbers

from sandbox.clock import Clock
from sandbox.problems import Problem
from sandbox.store import Store, number_key

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_FIRST_NAMES = (
    "Abebe Almaz Bekele Chaltu Dawit Eleni Fatuma Genet Hailu Hirut Kebede Lensa Mulugeta Meskerem Nardos "
    "Obsa Rahel Selam Tolosa Yonas Zewdu Aster Birtukan Gemechu Hodan Kidist Mahlet Tirunesh"
)
_FATHERS = (
    "Alemu Bekele Desta Endale Fikre Girma Haile Kassa Lemma Mengistu Negash Regassa Shiferaw Tadesse "
    "Tessema Wolde Worku Yimer Zeleke"
)
_FIRST_NAMES_ETHIOPIC = "አልማዝ በቀለ ዳዊት እሌኒ ገነት ሂሩት ከበደ መስከረም ራሔል ሰላም ዮናስ ብርቱካን ማህሌት"
_FATHERS_ETHIOPIC = "ዓለሙ ደስታ ፍቅሬ ግርማ ኃይሌ ካሳ ለማ ነጋሽ ታደሰ ወልዴ ወርቁ ይመር ዘለቀ"
_LATIN = (_FIRST_NAMES.split(), _FATHERS.split())
_ETHIOPIC = (_FIRST_NAMES_ETHIOPIC.split(), _FATHERS_ETHIOPIC.split())

#: The people a newcomer meets: number and what the phone is.
CAST = (
    ("+251911000001", "telegram"),
    ("+251911000002", "sms"),
    ("+251911000003", "telegram"),
    ("+251911000004", "sms"),
)


def checked_number(text: str) -> str:
    """The number as it was given when it is E.164 and can exist; else a 422 Problem that says why."""
    if not _E164.fullmatch(text):
        raise Problem(422, "not-a-phone", f"{text!r} is not a phone number in E.164, such as +251911234567.")
    try:
        possible = phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        raise Problem(422, "not-a-phone", f"No phone can have the number {text}: wrong country code or length.")
    return text


def user_id_of(number: str) -> int:
    """The Telegram user id of a phone: the same each time and never shared by two numbers (< 2**52)."""
    digits = int(number[1:])
    if number.startswith("+251") and len(number) == 13:
        # 387420489 = 3**18 shares no factor with 10**9, so this is a permutation of the nine digits.
        return 1_000_000_000 + digits % 10**9 * 387_420_489 % 10**9
    return 10**15 + digits * 387_420_489 % 10**15


def telegram_name_of(number: str) -> tuple[str, str]:
    """(first name, father's name), the same each time; every fourth person writes it in Ethiopic."""
    seed = user_id_of(number)
    firsts, fathers = _ETHIOPIC if seed % 4 == 3 else _LATIN
    return firsts[seed // 7 % len(firsts)], fathers[seed // 211 % len(fathers)]


@dataclass
class Session:
    """A USSD session that a phone has open. ``code``: what it dialled; ``typed``: every answer since, in order."""

    tenant: str
    code: str
    id: str = field(default_factory=lambda: f"ATUid_{secrets.token_hex(16)}")
    typed: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Phone:
    """One phone. reach: "on", "off" (cannot be reached now) or "gone" (no such subscriber any more)."""

    number: str
    label: str = ""
    channel: str = "sms"
    shown: bool = False
    place: int = 0
    language: str = "en"
    reach: str = "on"
    opted_out: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Line:
    """One line on a screen. n never changes, rev grows with every edit; mine = this phone sent it.

    extra may hold: bot, peer, inline (rows of buttons), keyboard (the reply keyboard that came with it),
    entities, attachments, contact, segments, encoding, edited, deleted, state.
    """

    n: int
    rev: int
    phone: str
    channel: str
    mine: bool
    text: str
    at: str
    extra: dict[str, Any]


class People:
    """All phones and their lines, in memory, written through to the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.phones: dict[str, Phone] = {}
        self.by_user_id: dict[int, Phone] = {}
        self.lines: dict[int, Line] = {}
        self._by_phone: defaultdict[str, list[Line]] = defaultdict(list)
        self._listeners: set[asyncio.Queue[str]] = set()
        self._last = 0
        for _, body in store.load("phone"):
            self._admit(Phone(**body))
        for _, body in store.load("line"):
            line = Line(**body)
            self.lines[line.n] = line
            self._by_phone[line.phone].append(line)
            self._last = max(self._last, line.n, line.rev)
        if not self.phones:
            for place, (number, channel) in enumerate(CAST):
                self.save(Phone(number, channel=channel, shown=True, place=place))

    def _admit(self, phone: Phone) -> None:
        self.phones[phone.number] = phone
        self.by_user_id[user_id_of(phone.number)] = phone

    def save(self, phone: Phone) -> None:
        """Keep a new or changed phone and tell whoever watches."""
        self._admit(phone)
        self._store.put("phone", phone.number, asdict(phone))
        self._tell("")

    def phone(self, number: str) -> Phone:
        """The phone with this number, made when it was never seen; 422 Problem when it cannot be one."""
        known = self.phones.get(number)
        if known is None:
            known = Phone(checked_number(number), place=len(self.phones))
            self.save(known)
        return known

    def next_number(self) -> int:
        """A number above all given so far; lines and their revisions share one series."""
        self._last += 1
        return self._last

    def add(self, phone: Phone, *, channel: str, mine: bool, text: str, extra: dict[str, Any]) -> Line:
        """A new line on the phone's screen."""
        n = self.next_number()
        line = Line(n, n, phone.number, channel, mine, text, self._clock.stamp(), extra)
        self.lines[n] = line
        self._by_phone[phone.number].append(line)
        self._write(line)
        return line

    def touch(self, line: Line) -> None:
        """The line was changed: keep it and let it show as changed."""
        line.rev = self.next_number()
        self._write(line)

    def _write(self, line: Line) -> None:
        body = {name: getattr(line, name) for name in Line.__slots__}
        self._store.put("line", number_key(line.n), body)
        self._tell(line.phone)

    def newest_first(self, number: str) -> Iterator[Line]:
        """Lines of a phone, the newest first, without deleted ones."""
        return (line for line in reversed(self._by_phone.get(number, [])) if not line.extra.get("deleted"))

    def after(self, number: str, n: int) -> list[Line]:
        """Lines of a phone with a number above n, oldest first, without deleted ones."""
        lines = self._by_phone.get(number, [])
        start = len(lines)
        while start and lines[start - 1].n > n:
            start -= 1
        return [line for line in lines[start:] if not line.extra.get("deleted")]

    def changed_since(self, number: str, rev: int, *, most: int) -> list[Line]:
        """Of the newest `most` lines those new, edited or deleted since this revision, oldest first."""
        return [line for line in self._by_phone.get(number, [])[-most:] if line.rev > rev]

    def listen(self) -> asyncio.Queue[str]:
        """A queue that gets the number of every phone whose lines change ("" = the cast itself)."""
        queue: asyncio.Queue[str] = asyncio.Queue(maxsize=1000)
        self._listeners.add(queue)
        return queue

    def forget(self, queue: asyncio.Queue[str]) -> None:
        """Stop feeding a queue of listen()."""
        self._listeners.discard(queue)

    def _tell(self, number: str) -> None:
        for queue in self._listeners:
            if not queue.full():
                queue.put_nowait(number)
