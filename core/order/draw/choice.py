"""The hash chain, the frozen list and the choice of a lot.

Refuses to draw from a list that is empty, unsorted or names a lot twice.
"""

import hashlib
import hmac
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Refusal

VERSION = "equb-draw-v1"

# A limit on everything: a proof is read from strangers, and no real draw is near any of these.
MAX_LOTS = 10_000
MAX_CHAIN = 100_000
MAX_COUNTER = 1_000

# What may name a lot or a group. ASCII without spaces or "|", so that every language sorts the list alike and
# no name can look like a part of the message.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,31}")


def hashed(value: bytes, times: int) -> bytes:
    """SHA256 of SHA256 of … the value, that many times."""
    for _ in range(times):
        value = hashlib.sha256(value).digest()
    return value


def chain(secret: bytes, length: int) -> str:
    """The anchor ``h0``, in hex, that is published when the group starts: SHA256 applied ``length`` times."""
    if len(secret) < 32 or not 1 <= length <= MAX_CHAIN:
        raise ValueError("a chain needs a secret of 32 bytes or more and 1 to 100,000 links")
    return hashed(secret, length).hex()


def link(secret: bytes, length: int, used: int) -> bytes:
    """The pre-image that the ``used``-th draw of the chain reveals; ``used`` counts from 1 to ``length``.

    SHA256 of the first is the anchor, SHA256 of every other is the one revealed before it.
    """
    if not 1 <= used <= length <= MAX_CHAIN:
        raise ValueError("that link is outside the chain")
    return hashed(secret, length - used)


def list_text(lots: Sequence[str]) -> str:
    """The frozen list: the lots sorted by their ASCII bytes, one a line, every line ended. Empty for no lots.

    Raises Refusal ``draw.list_malformed`` or ``draw.list_duplicate``.
    """
    text = "".join(f"{lot}\n" for lot in sorted(lots))
    if lots:
        lots_of(text)
    return text


def list_hash(text: str) -> str:
    """``L``: SHA256 of the list text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def lots_of(text: str) -> tuple[str, ...]:
    """The lots of a frozen list.

    Raises Refusal ``draw.list_empty``, ``…_malformed``, ``…_too_long``, ``…_duplicate`` or ``…_unsorted``.
    """
    if not text:
        raise Refusal("draw.list_empty")
    lots = tuple(text.removesuffix("\n").split("\n"))
    if len(lots) > MAX_LOTS:
        raise Refusal("draw.list_too_long", lots=len(lots), most=MAX_LOTS)
    for lot in lots:
        if not NAME.fullmatch(lot):
            raise Refusal("draw.list_malformed", line=lot)
    if not text.endswith("\n"):
        raise Refusal("draw.list_malformed", line=lots[-1])
    for earlier, later in itertools.pairwise(lots):
        if earlier > later:
            raise Refusal("draw.list_unsorted", lot=later)
        if earlier == later:
            raise Refusal("draw.list_duplicate", lot=later)
    return lots


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a draw found: the ``lot`` at ``index`` (from 0) of the list, and the message that decided it."""

    index: int
    lot: str
    counter: int
    message: str


def index_below(digest: bytes, n: int) -> int | None:
    """The digest as a number modulo ``n``, or None at or above the largest multiple of ``n``: without that
    rejection the first entries of a list come up more often than the last."""
    space = 1 << (8 * len(digest))
    value = int.from_bytes(digest, "big")
    return value % n if value < space - space % n else None


def _digest(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode(), "sha256")


def draw(group_code: str, round_number: int, list_text: str, link: bytes, beacon_randomness: bytes) -> Drawn:
    """Draw one lot: HMAC-SHA256, keyed with the beacon's randomness, of
    ``equb-draw-v1|group|round|L|link|counter`` (L and link in hex), modulo the number of lots.

    The counter starts at 0 and rises while values are rejected. Refuses what ``lots_of`` refuses.
    """
    if not NAME.fullmatch(group_code) or round_number < 1:
        raise ValueError("a draw needs a group code without spaces or bars and a round from 1")
    if len(link) != 32 or len(beacon_randomness) != 32:
        raise ValueError("link and beacon randomness are 32 bytes each")
    lots = lots_of(list_text)
    for counter in range(MAX_COUNTER + 1):
        message = f"{VERSION}|{group_code}|{round_number}|{list_hash(list_text)}|{link.hex()}|{counter}"
        index = index_below(_digest(beacon_randomness, message), len(lots))
        if index is not None:
            return Drawn(index, lots[index], counter, message)
    raise AssertionError("no value below the largest multiple in a thousand tries: SHA-256 is broken")
