"""Whom an officer must ask before doing what no officer does alone: another officer, or, without one, two members."""

from core import groups
from core.db import Tx
from core.groups import Group, Member
from core.operator.rights import officers_with

# Without a second officer it takes two members to agree.
MEMBERS_NEEDED = 2


async def than(tx: Tx, group: Group, by: Member, right: str) -> tuple[list[Member], int]:
    """Who is asked, and how many of them must agree: one of the other officers who carry the right.

    Of those who have agreed to be written to: nobody else can be asked.
    """
    officers = await groups.seats(tx, group.group_id, roles=officers_with(right))
    asked = [seat.member for seat in officers if seat.member.id != by.id and seat.person.consented_at]
    if asked:
        return asked, 1
    everyone = await groups.seats(tx, group.group_id)
    members = [seat.member for seat in everyone if seat.member.id != by.id and seat.person.consented_at]
    return members, min(MEMBERS_NEEDED, len(members))
