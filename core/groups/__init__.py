"""Groups while they form: founding, joining with shares of lots, roles, and what everybody may see of them.

The lot, not the person, pays and receives: one person can hold several, several people can share one, and the
shares of a lot add up to exactly one before a cycle may begin (``core.cycle.cycles``).
"""

from core.groups.accepting import accept, not_accepted, same_for_members
from core.groups.finding import (
    by_code,
    by_id,
    find_members,
    member,
    membership,
    of_person,
    require_forming,
    seat,
    seats,
)
from core.groups.forming import (
    MOST_MEMBERS,
    change_rules,
    enrol,
    found,
    give_role,
    join,
    leave,
    rename,
    reopen,
    tidy_group_name,
    unenrol,
)
from core.groups.records import Group, Held, Holding, Lot, Member, RuleVersion, Seat
from core.groups.shares import give_share, hold, holdings, lots_taken

__all__ = [
    "MOST_MEMBERS",
    "Group",
    "Held",
    "Holding",
    "Lot",
    "Member",
    "RuleVersion",
    "Seat",
    "accept",
    "by_code",
    "by_id",
    "change_rules",
    "enrol",
    "find_members",
    "found",
    "give_role",
    "give_share",
    "hold",
    "holdings",
    "join",
    "leave",
    "lots_taken",
    "member",
    "membership",
    "not_accepted",
    "of_person",
    "rename",
    "reopen",
    "require_forming",
    "same_for_members",
    "seat",
    "seats",
    "tidy_group_name",
    "unenrol",
]
