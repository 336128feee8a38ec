"""Groups while they form: founding, joining with shares of lots, roles, and what everybody may see of them.

The lot, not the person, pays and receives: one person can hold several, several people can share one, and the
shares of a lot add up to exactly one before a cycle may begin (``core.cycles``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core import rules as rules_module
from core.audit import note
from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.ids import GROUP_CODE_LENGTH, new_code, new_id, tidy_code
from core.money import Money
from core.people import Person
from core.rules import Rules, check_share
from core.understanding import fold

LONGEST_GROUP_NAME = 60
MOST_MEMBERS = 1000


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
    """What the rules were; members accept a version by its hash. Append-only."""

    __tablename__ = "rule_versions"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    rules: Mapped[dict[str, Any]]
    rules_hash: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime]


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
    """The unit that pays one contribution each round and receives one pot per cycle."""

    __tablename__ = "lots"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    cycle: Mapped[int]
    number: Mapped[int]


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


def tidy_group_name(typed: str) -> str:
    """A group's name as people write it. Raises ``Refusal("group.name…")``."""
    name = " ".join("".join(c if c.isprintable() else " " for c in normalize("NFC", typed)).split())
    if not any(c.isalnum() for c in name):
        raise Refusal("group.name_not_understood")
    if len(name) > LONGEST_GROUP_NAME:
        raise Refusal("group.name_too_long", most=LONGEST_GROUP_NAME)
    return name


async def found(
    tx: Tx,
    organiser: Person | None,
    *,
    name: str,
    currency: str,
    rules: Rules,
    pot_minor: int | None = None,
    share: Fraction = Fraction(1),
) -> Group:
    """Found a group; the organiser, if given, is its first member and takes ``share`` lots (0 for none).

    Raises ``Refusal("rules.…")`` when the rules do not add up.
    """
    rules.check(currency=currency, pot_minor=pot_minor)
    group = Group(
        group_id=new_id(),
        tenant_id=tx.tenant_id,
        code="",
        name=tidy_group_name(name),
        currency=currency,
        status="forming",
        rules=rules.model_dump(mode="json"),
        rules_version=1,
        cycle=1,
        wake_at=None,
        created_at=tx.now,
    )
    group.code = await _new_group_code(tx, group.group_id)
    tx.session.add(group)
    await tx.session.flush()
    tx.session.add(_version(tx, group, rules))
    await tx.session.flush()
    await note(tx, "group.founded", group_id=group.group_id, subject=f"group:{group.code}", name=group.name)
    if organiser is not None:
        await join(tx, group, organiser, share=share, role="organiser")
    return group


def _version(tx: Tx, group: Group, rules: Rules) -> RuleVersion:
    return RuleVersion(
        group_id=group.group_id,
        version=group.rules_version,
        tenant_id=tx.tenant_id,
        rules=group.rules,
        rules_hash=rules.fingerprint(),
        made_by=tx.actor,
        made_at=tx.now,
    )


async def _new_group_code(tx: Tx, group_id: UUID) -> str:
    while True:
        code = new_code(GROUP_CODE_LENGTH)
        made = await tx.session.scalar(
            text(
                "INSERT INTO codes (code, tenant_id, kind, group_id, subject_id)"
                " VALUES (:code, :tenant, 'group', :group, :group) ON CONFLICT DO NOTHING RETURNING code"
            ),
            {"code": code, "tenant": tx.tenant_id, "group": group_id},
        )
        if made:
            return code


async def change_rules(tx: Tx, group: Group, rules: Rules) -> None:
    """New rules, while the group forms. Raises ``Refusal``; members who joined before are asked again later."""
    _require_forming(group)
    rules.check(currency=group.currency)
    taken = await lots_taken(tx, group)
    if rules.lots < taken:
        raise Refusal("rules.fewer_lots_than_taken", taken=taken)
    group.rules, group.rules_version = rules.model_dump(mode="json"), group.rules_version + 1
    tx.session.add(_version(tx, group, rules))
    await tx.session.flush()
    await note(tx, "group.rules_changed", group_id=group.group_id, subject=f"group:{group.code}")


def _require_forming(group: Group) -> None:
    if group.status != "forming":
        raise Refusal("group.not_forming", group=group.name, status=group.status)


async def by_code(tx: Tx, typed: str) -> Group:
    """The tenant's group of that code. Raises ``NotFound("group.unknown_code")``."""
    code = tidy_code(typed)
    group_id = await tx.session.scalar(
        text("SELECT group_id FROM codes WHERE code = :code AND kind = 'group'"), {"code": code}
    )
    group = await tx.session.get(Group, group_id) if group_id else None
    if group is None:
        raise NotFound("group.unknown_code", typed=code[:20])
    return group


async def by_id(tx: Tx, group_id: UUID, *, lock: bool = False) -> Group:
    """The group; with ``lock`` held until the end of the transaction. Raises ``NotFound("group.unknown")``."""
    # Whoever waited for the lock must see what the one before has done, not what was read before waiting.
    group = await tx.session.get(Group, group_id, with_for_update=lock or None, populate_existing=lock)
    if group is None:
        raise NotFound("group.unknown")
    return group


async def of_person(tx: Tx, person_id: UUID) -> Sequence[tuple[Group, Member]]:
    """The groups a person is in, the newest first."""
    rows = await tx.session.execute(
        select(Group, Member)
        .join(Member, Member.group_id == Group.group_id)
        .where(Member.person_id == person_id, Member.status == "active", Group.status != "cancelled")
        .order_by(Group.created_at.desc())
    )
    return [(group, member) for group, member in rows]


async def membership(tx: Tx, group_id: UUID, person_id: UUID) -> Member | None:
    """The person's membership in a group, if any."""
    return await tx.session.scalar(select(Member).where(Member.group_id == group_id, Member.person_id == person_id))


async def member(tx: Tx, group_id: UUID, member_id: UUID, *, lock: bool = False) -> Member:
    """A member. Raises ``NotFound("member.unknown")``."""
    found_member = await tx.session.get(
        Member, (group_id, member_id), with_for_update=lock or None, populate_existing=lock
    )
    if found_member is None:
        raise NotFound("member.unknown")
    return found_member


async def seats(
    tx: Tx, group_id: UUID, *, roles: Sequence[str] | None = None, number: int | None = None
) -> Sequence[Seat]:
    """The active members with their people, by number; only those of the given roles, or the one of a number."""
    query = (
        select(Member, Person)
        .join(Person, Person.id == Member.person_id)
        .where(Member.group_id == group_id, Member.status == "active")
        .order_by(Member.number)
    )
    if roles is not None:
        query = query.where(Member.role.in_(roles))
    if number is not None:
        query = query.where(Member.number == number)
    return [Seat(m, p) for m, p in (await tx.session.execute(query)).all()]


async def seat(tx: Tx, group_id: UUID, member_id: UUID) -> Seat:
    """One member with the person. Raises ``NotFound("member.unknown")``."""
    found_member = await member(tx, group_id, member_id)
    person = await tx.session.get(Person, found_member.person_id)
    if person is None:
        raise NotFound("member.unknown")
    return Seat(found_member, person)


async def join(tx: Tx, group: Group, person: Person, *, share: Fraction, role: str = "member") -> Member:
    """Join while the group forms, or change what one holds there. ``share``: lots, e.g. 1, 1/2, 3/2 or 0.

    Raises ``Refusal``: ``group.not_forming``, ``share.…``, ``group.full``.
    """
    group = await by_id(tx, group.group_id, lock=True)
    if group.status == "closed":
        await reopen(tx, group)
    _require_forming(group)
    check_share(share)
    who = await membership(tx, group.group_id, person.id)
    if who is None:
        who = await _new_member(tx, group, person, role)
    elif who.status == "left":
        who.status, who.left_at = "active", None
    who.accepted_version, who.accepted_hash = group.rules_version, group.rule_set.fingerprint()
    await tx.session.flush()
    await _release(tx, group, who)
    await _place(tx, group, who, share)
    await note(
        tx, "member.joined", group_id=group.group_id, subject=f"member:{who.number}", share=str(share), role=role
    )
    return who


async def _new_member(tx: Tx, group: Group, person: Person, role: str) -> Member:
    last = await tx.session.scalar(
        select(func.coalesce(func.max(Member.number), 0)).where(Member.group_id == group.group_id)
    )
    number = int(last or 0) + 1
    if number > MOST_MEMBERS:
        raise Refusal("group.full", group=group.name)
    who = Member(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        number=number,
        person_id=person.id,
        role=role,
        status="active",
        accepted_version=group.rules_version,
        accepted_hash=group.rule_set.fingerprint(),
        joined_at=tx.now,
        left_at=None,
    )
    tx.session.add(who)
    await tx.session.flush()
    return who


async def leave(tx: Tx, group: Group, who: Member) -> None:
    """Leave while the group forms: the lots go back. Raises ``Refusal`` once a cycle runs, or for the organiser."""
    group = await by_id(tx, group.group_id, lock=True)
    _require_forming(group)
    if who.role == "organiser":
        raise Refusal("member.organiser_stays", group=group.name)
    await _release(tx, group, who)
    who.status, who.left_at = "left", tx.now
    await tx.session.flush()
    await note(tx, "member.left", group_id=group.group_id, subject=f"member:{who.number}")


async def give_role(tx: Tx, group: Group, who: Member, role: str) -> None:
    """Give a member an office. The organiser's own office is only ever handed over."""
    if "organiser" in (role, who.role):
        raise Refusal("member.organiser_stays", group=group.name)
    who.role = role
    await tx.session.flush()
    await note(tx, "member.role", group_id=group.group_id, subject=f"member:{who.number}", role=role)


async def holdings(tx: Tx, group: Group, *, cycle: int | None = None) -> Sequence[Held]:
    """Every holding of a cycle (this one), by lot and member number."""
    rows = await tx.session.execute(
        select(Lot.number, Holding.share_numerator, Holding.share_denominator, Holding.member_id, Holding.id)
        .join(Holding, (Holding.group_id == Lot.group_id) & (Holding.lot_id == Lot.id))
        .join(Member, (Member.group_id == Holding.group_id) & (Member.id == Holding.member_id))
        .where(Lot.group_id == group.group_id, Lot.cycle == (cycle or group.cycle))
        .order_by(Lot.number, Member.number)
    )
    return [Held(n, Fraction(top, bottom), member_id, h) for n, top, bottom, member_id, h in rows]


async def lots_taken(tx: Tx, group: Group) -> int:
    """How many lots are taken, in whole or in part."""
    return len({held.lot_number for held in await holdings(tx, group)})


async def _release(tx: Tx, group: Group, who: Member) -> None:
    """Give back everything a member holds in this cycle, and lots that nobody holds then."""
    here = select(Lot.id).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle)
    gone = await tx.session.execute(
        delete(Holding)
        .where(Holding.group_id == group.group_id, Holding.member_id == who.id, Holding.lot_id.in_(here))
        .returning(Holding.lot_id)
    )
    for lot_id in gone.scalars().all():
        left = select(Holding.id).where(Holding.group_id == group.group_id, Holding.lot_id == lot_id)
        await tx.session.execute(delete(Lot).where(Lot.group_id == group.group_id, Lot.id == lot_id, ~left.exists()))


async def _place(tx: Tx, group: Group, who: Member, share: Fraction) -> None:
    """Take ``share`` lots: whole ones are new, a part goes into the first lot that has room for it."""
    room: dict[int, Fraction] = {}
    for held in await holdings(tx, group):
        room[held.lot_number] = room.get(held.lot_number, Fraction(1)) - held.share
    free = [n for n in range(1, group.rule_set.lots + 1) if n not in room]
    whole, part = divmod(share, 1)
    wanted: list[tuple[int, Fraction]] = []
    for _ in range(whole):
        if not free:
            raise Refusal("group.full", group=group.name, lots=group.rule_set.lots)
        wanted.append((free.pop(0), Fraction(1)))
    if part:
        number = next((n for n in sorted(room) if room[n] >= part), None)
        if number is None:
            if not free:
                raise Refusal("group.full", group=group.name, lots=group.rule_set.lots)
            number = free.pop(0)
        wanted.append((number, part))
    for number, portion in wanted:
        await hold(tx, group, who, lot_number=number, share=portion)


async def hold(tx: Tx, group: Group, who: Member, *, lot_number: int, share: Fraction) -> None:
    """Give a member a share of a lot, which is made when it is new. The caller knows that there is room."""
    await tx.session.execute(
        insert(Lot)
        .values(
            group_id=group.group_id,
            id=new_id(),
            tenant_id=tx.tenant_id,
            cycle=group.cycle,
            number=lot_number,
        )
        .on_conflict_do_nothing()
    )
    lot_id = await tx.session.scalar(
        select(Lot.id).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle, Lot.number == lot_number)
    )
    await tx.session.execute(
        insert(Holding).values(
            group_id=group.group_id,
            id=new_id(),
            tenant_id=tx.tenant_id,
            lot_id=lot_id,
            member_id=who.id,
            share_numerator=share.numerator,
            share_denominator=share.denominator,
        )
    )


async def give_share(tx: Tx, group: Group, who: Member, *, lot_number: int, share: Fraction) -> None:
    """Give a member exactly this share of exactly this lot, while the group forms.

    Raises ``Refusal``: ``group.not_forming``, ``share.…``, ``lot.unknown``, ``lot.held_already``, ``lot.no_room``.
    """
    group = await by_id(tx, group.group_id, lock=True)
    _require_forming(group)
    check_share(share)
    if not 0 < share <= 1:
        raise Refusal("share.of_one_lot")
    if not 1 <= lot_number <= group.rule_set.lots:
        raise NotFound("lot.unknown", lots=group.rule_set.lots)
    there = [h for h in await holdings(tx, group) if h.lot_number == lot_number]
    if any(h.member_id == who.id for h in there):
        raise Refusal("lot.held_already", lot=lot_number)
    free = 1 - sum((h.share for h in there), Fraction(0))
    if share > free:
        raise Refusal("lot.no_room", lot=lot_number, free=free)
    await hold(tx, group, who, lot_number=lot_number, share=share)
    await note(
        tx,
        "lot.shared",
        group_id=group.group_id,
        subject=f"member:{who.number}",
        lot=lot_number,
        share=str(share),
    )


async def rename(tx: Tx, group: Group, name: str) -> None:
    """Another name, while the group forms. Raises ``Refusal``."""
    _require_forming(group)
    group.name = tidy_group_name(name)
    await tx.session.flush()
    await note(tx, "group.renamed", group_id=group.group_id, subject=f"group:{group.code}", name=group.name)


async def reopen(tx: Tx, group: Group) -> None:
    """Start forming the next cycle of a closed group, everybody holding what they held before."""
    if group.status != "closed":
        return
    before = await holdings(tx, group)
    group.cycle, group.status = group.cycle + 1, "forming"
    await tx.session.flush()
    for held in before:
        who = await member(tx, group.group_id, held.member_id)
        if who.status == "active":
            await hold(tx, group, who, lot_number=held.lot_number, share=held.share)


async def find_members(tx: Tx, group_id: UUID, typed: str) -> Sequence[Seat]:
    """The members that a number, a name or the beginning of one, or a phone may mean; exact names first."""
    wanted = typed.strip().lstrip("#").casefold()
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 4:
        return await seats(tx, group_id, number=int(wanted))
    everyone = [(s, fold(s.person.name)) for s in await seats(tx, group_id)]
    wanted = fold(typed)
    exact = [s for s, name in everyone if name == wanted]
    if exact:
        return exact
    by_word = [s for s, name in everyone if wanted in name.split()]
    return by_word or [s for s, name in everyone if name.startswith(wanted)]
