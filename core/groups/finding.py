"""Finding groups, members and the people behind them: by code, by id, by what somebody typed. Changes nothing."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text

from core.db import Tx, columns, width
from core.errors import NotFound, Refusal
from core.folding import fold
from core.groups.records import Group, Member, Seat
from core.ids import tidy_code
from core.people import Person

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
    if group is None or group.status == "undone":
        raise NotFound("group.unknown_code", typed=code[:20])
    return group


async def by_id(tx: Tx, group_id: UUID, *, lock: bool = False) -> Group:
    """The group; with ``lock`` held until the end of the transaction. Raises ``NotFound("group.unknown")``."""
    # Whoever waited for the lock must see what the one before has done, not what was read before waiting.
    group = await tx.session.get(Group, group_id, with_for_update=HELD if lock else None, populate_existing=lock)
    if group is None:
        raise NotFound("group.unknown")
    return group


# Who is in a group. Somebody suspended still pays, sees and is told; what they may not do is asked where it is done.
_GROUP_WIDTH, _MEMBER_WIDTH = width(Group), width(Member)
_OF_PERSON = f"""
SELECT {columns(Group, "groups")}, {columns(Member, "members")}
FROM groups JOIN members ON members.group_id = groups.group_id
WHERE members.person_id = $1::UUID AND members.status IN ('active', 'suspended')
  AND groups.status NOT IN ('cancelled', 'undone')
ORDER BY groups.created_at DESC
"""  # noqa: S608 (ours alone)


async def of_person(tx: Tx, person_id: UUID) -> Sequence[tuple[Group, Member]]:
    """The groups a person is in, the newest first."""
    return [
        (tx.entity(Group, row[:_GROUP_WIDTH]), tx.entity(Member, row[_GROUP_WIDTH:]))
        for row in await tx.rows(_OF_PERSON, person_id)
    ]


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


_SEATS = f"""
SELECT {columns(Member, "m")}, {columns(Person, "p")} FROM members m JOIN people p ON p.id = m.person_id
WHERE m.group_id = $1
"""  # noqa: S608 (ours alone)


async def seats(
    tx: Tx, group_id: UUID, *, roles: Sequence[str] | None = None, number: int | None = None, left: bool = False
) -> Sequence[Seat]:
    """The members with their people, by number; only those of the given roles, or the one of a number.

    ``left``: also who has left, whom nobody tells anything, but who may still owe or be owed.
    """
    values: list[object] = [group_id]
    narrow = "" if left else " AND m.status IN ('active', 'suspended')"
    for column, value in (("role = ANY (${}::text[])", roles), ("number = ${}::int", number)):
        if value is not None:
            values.append(value)
            narrow += f" AND m.{column.format(len(values))}"
    return [
        Seat(tx.entity(Member, row[:_MEMBER_WIDTH]), tx.entity(Person, row[_MEMBER_WIDTH:]))
        for row in await tx.rows(f"{_SEATS}{narrow} ORDER BY m.number", *values)
    ]


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
