"""Finding groups, members and the people behind them: by code, by id, by what somebody typed. Changes nothing."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import bindparam, select, text

from core.db import Tx
from core.errors import NotFound, Refusal
from core.groups.records import Group, Member, Seat
from core.ids import tidy_code
from core.people import Person
from core.understanding import fold

# Held against others who would change the row, not against rows that only refer to it: a payment that is being
# written while its group wakes must not wait for the group, or the two wait for each other.
HELD = {"key_share": True}


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
    group = await tx.session.get(Group, group_id, with_for_update=HELD if lock else None, populate_existing=lock)
    if group is None:
        raise NotFound("group.unknown")
    return group


# Built once: nearly every message asks this.
_OF_PERSON = (
    select(Group, Member)
    .join(Member, Member.group_id == Group.group_id)
    .where(Member.person_id == bindparam("person"), Member.status == "active", Group.status != "cancelled")
    .order_by(Group.created_at.desc())
)


async def of_person(tx: Tx, person_id: UUID) -> Sequence[tuple[Group, Member]]:
    """The groups a person is in, the newest first."""
    rows = await tx.session.execute(_OF_PERSON, {"person": person_id})
    return [(group, member) for group, member in rows]


async def membership(tx: Tx, group_id: UUID, person_id: UUID) -> Member | None:
    """The person's membership in a group, if any."""
    return await tx.session.scalar(select(Member).where(Member.group_id == group_id, Member.person_id == person_id))


async def member(tx: Tx, group_id: UUID, member_id: UUID, *, lock: bool = False) -> Member:
    """A member. Raises ``NotFound("member.unknown")``."""
    found_member = await tx.session.get(
        Member, (group_id, member_id), with_for_update=HELD if lock else None, populate_existing=lock
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


async def find_members(tx: Tx, group_id: UUID, typed: str) -> Sequence[Seat]:
    """The members that a number, a name, a part of one or its beginning may mean."""
    wanted = typed.strip().lstrip("#").casefold()
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= 4:
        return await seats(tx, group_id, number=int(wanted))
    everyone = [(s, fold(s.person.name)) for s in await seats(tx, group_id)]
    wanted = fold(typed)
    # Somebody who takes another's first name for a whole name does not take what is meant for the other.
    called = [s for s, name in everyone if name == wanted or wanted in name.split()]
    return called or [s for s, name in everyone if name.startswith(wanted)]


def require_forming(group: Group) -> None:
    """Raise ``Refusal("group.not_forming")`` unless the group forms."""
    if group.status != "forming":
        raise Refusal("group.not_forming", group=group.name, status=group.status)
