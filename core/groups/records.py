"""The rows of a group: its rules, members, lots and holdings, and how people see the latter."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from core import rules as rules_module
from core.db import Base
from core.money import Money
from core.people import Person
from core.rules import Rules


class Group(Base):
    """People with one set of rules. ``wake_at``: when something next falls due for it."""

    __tablename__ = "groups"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    code: Mapped[str]
    name: Mapped[str]
    currency: Mapped[str]
    status: Mapped[str]
    rules: Mapped[dict[str, Any]]
    rules_version: Mapped[int]
    cycle: Mapped[int]
    wake_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def rule_set(self) -> Rules:
        return rules_module.read(self.rules)

    def money(self, minor: int) -> Money:
        """An amount in the group's currency."""
        return Money(minor, self.currency)


class RuleVersion(Base):
    """What the rules were; members accept a version by its hash. Append-only.

    A version made while a cycle runs holds from ``from_round`` of ``cycle`` on.
    """

    __tablename__ = "rule_versions"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    rules: Mapped[dict[str, Any]]
    rules_hash: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    cycle: Mapped[int]
    from_round: Mapped[int]


class Member(Base):
    """A person in a group; ``number`` is how others name them."""

    __tablename__ = "members"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    number: Mapped[int]
    person_id: Mapped[UUID]
    role: Mapped[str]
    status: Mapped[str]
    accepted_version: Mapped[int]
    accepted_hash: Mapped[str]
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]


class Lot(Base):
    """The unit that pays one contribution each round and receives one pot per cycle.

    Withdrawn: its holders left before it received. A short place came late, pays from ``from_round`` on and receives
    what it has paid.
    """

    __tablename__ = "lots"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    cycle: Mapped[int]
    number: Mapped[int]
    status: Mapped[str]
    place: Mapped[str]
    from_round: Mapped[int]


class Holding(Base):
    """One member's share of one lot; ``amount_minor`` is what it pays a round, fixed when the cycle begins."""

    __tablename__ = "holdings"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    lot_id: Mapped[UUID]
    member_id: Mapped[UUID]
    share_numerator: Mapped[int]
    share_denominator: Mapped[int]
    amount_minor: Mapped[int | None]

    @property
    def share(self) -> Fraction:
        return Fraction(self.share_numerator, self.share_denominator)


@dataclass(frozen=True)
class Held:
    """A holding as people see it: which lot, what share of it."""

    lot_number: int
    share: Fraction
    member_id: UUID
    holding_id: UUID


@dataclass(frozen=True)
class Seat:
    """A member with the person behind the number."""

    member: Member
    person: Person
