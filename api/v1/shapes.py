"""The shapes that many resources share: money, shares, lots, references to members, pages and their cursors.

A lot is named as in the lists of draws (``L007``); where one is asked for, ``7`` does as well. A member is named by
id; where one is asked for, the number in the group does as well.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from core import crypto, listing, money
from core.cycle.rounds import lot_label
from core.errors import Refusal
from core.groups import MOST_MEMBERS
from core.listing import Slice

PREFIX = "/api/v1"

Item = TypeVar("Item")

# No control characters: the database cannot keep all of them, and nobody can read any.
_LINE = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]
Reason = Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]
Word = Annotated[str, Query(min_length=1, max_length=100, pattern=_LINE)]
CurrencyCode = Literal["ETB", "USD", "EUR", "KES", "ERN", "DJF", "SOS", "SDG", "SSP"]
LanguageCode = Literal["am", "om", "ti", "so", "en"]
Calendar = Literal["ethiopian", "gregorian"]
RoleName = Literal["organiser", "secretary", "collector", "member"]
Number = Annotated[int, Query(ge=1, le=1_000_000)]

MemberReference = Annotated[
    UUID | Annotated[int, Field(strict=True, ge=1, le=MOST_MEMBERS)],
    Field(description="the member's id, or the number in the group"),
]


# In a query everything is text.
MemberQuery = Annotated[
    UUID | Annotated[int, Field(ge=1, le=MOST_MEMBERS)],
    Query(description="the member's id, or the number in the group"),
]


class Asked(BaseModel):
    """What a request brings; a member that is not known is refused, because it is a slip."""

    model_config = ConfigDict(extra="forbid")


class Money(BaseModel):
    """An amount: decimal text with the currency's digits, never a float."""

    amount: str = Field(pattern=r"^-?\d+(\.\d+)?$", examples=["1000.00"])
    currency: str = Field(examples=["ETB"])

    @classmethod
    def of(cls, minor: int, currency: str) -> "Money":
        """From minor units."""
        return cls(amount=money.Money(minor, currency).decimal, currency=currency)


class MoneyAsked(Asked):
    """An amount that somebody pays: more than nothing."""

    amount: str = Field(pattern=r"^\d{1,12}(\.\d{1,2})?$", examples=["1000.00"])
    currency: CurrencyCode = Field(examples=["ETB"])

    def minor(self, currency: str) -> int:
        """In minor units. Raises ``Refusal("money.…")`` for another currency than this, and ``amount.…``."""
        if self.currency != currency:
            raise Refusal("money.other_currency", currency=currency)
        return money.parse_decimal(self.amount, currency).minor


class Page(BaseModel, Generic[Item]):
    """A part of a list. ``next`` is where the part after it begins: pass it as ``after``; null at the end."""

    items: list[Item]
    next: str | None


@dataclass(frozen=True)
class Part:
    """Which part of a list is asked for."""

    limit: int
    after: str | None

    def slice(self, *kinds: Callable[[Any], Any]) -> Slice:
        """The slice; ``kinds`` are those of the key's parts. Raises ``Refusal("cursor.malformed")``."""
        return Slice(read_cursor(self.after, kinds) if self.after is not None else None, self.limit)


def _part(
    limit: Annotated[int, Query(ge=1, le=listing.MOST_ROWS, description="how many at most")] = 50,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before, as it was")] = None,
) -> Part:
    return Part(limit, after)


AskedPart = Annotated[Part, Depends(_part)]


def cursor(key: Sequence[Any] | None) -> str | None:
    """An opaque text for the key of a page's last row."""
    if key is None:
        return None
    said = json.dumps([part if isinstance(part, int) else str(part) for part in key], separators=(",", ":"))
    return base64.urlsafe_b64encode(said.encode()).decode().rstrip("=")


def read_cursor(said: str, kinds: Sequence[Callable[[Any], Any]]) -> tuple[Any, ...]:
    """The key again. Whatever else it is given is refused, so that no query meets it."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(said.encode("ascii") + b"=" * (-len(said) % 4)))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise ValueError
        return tuple(_key_part(part, kind) for part, kind in zip(parts, kinds, strict=True))
    except (ValueError, RecursionError):
        raise Refusal("cursor.malformed") from None


def _key_part(part: Any, kind: Callable[[Any], Any]) -> Any:
    if kind is int:
        if not isinstance(part, int) or not 0 <= part < 2**31:
            raise ValueError
        return part
    if not isinstance(part, str):
        raise ValueError
    return kind(part)


def share_of(text: str) -> Fraction:
    """``"3/10"``, ``"1"``, ``"1.5"`` … as its pattern lets through. Raises ``Refusal("share.…")``."""
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise Refusal("share.not_understood", typed=text) from None


Share = Annotated[
    str,
    Field(pattern=r"^\d{1,3}(/[1-9]\d{0,2})?$", examples=["1", "1/2", "3/10"], description="lots, as a fraction"),
]

LotReference = Annotated[str, Field(pattern=r"^L?\d{1,3}$", examples=["L007", "7"])]


def lot_number(reference: str) -> int:
    """The number of a lot that was named ``L007`` or ``7``."""
    return int(reference.removeprefix("L"))


def lot_name(number: int) -> str:
    """How the API names a lot."""
    return lot_label(number)


def phone_shown(row: Any, *, clear: bool) -> str | None:
    """A person's phone: masked, or in clear for who may see it; None for who has none."""
    if row.phone_id is None:
        return None
    if not clear:
        return str(row.phone_masked)
    return crypto.unseal(row.phone_secret, f"addresses.secret:{row.phone_id}").decode()
