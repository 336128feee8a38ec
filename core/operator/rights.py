"""Who may do what: the one place that decides, for members of a group and for administrators of a tenant."""

from core.errors import NotAllowed
from core.operator.bootstrap import FIRST_TENANT

# What an office in a group carries. Everybody may see their own group and speak for themselves.
MEMBER_RIGHTS: dict[str, frozenset[str]] = {
    "organiser": frozenset(
        {
            *("decide", "begin", "rules", "invite", "record", "decline", "reverse", "pay_out", "see_dues", "announce"),
            "see_book",
            *("appoint", "close", "answer", "excuse", "suspend", "guarantors", "admit", "succeed"),
            *("fine", "lend", "spend", "pause"),
        }
    ),
    "secretary": frozenset(
        {
            *("decide", "rules", "invite", "record", "decline", "reverse", "pay_out", "see_dues", "announce"),
            "see_book",
            *("answer", "excuse", "suspend", "guarantors", "admit", "succeed"),
            *("fine", "lend", "spend", "pause"),
        }
    ),
    "collector": frozenset({"record", "decline", "see_dues", "succeed"}),
    "member": frozenset(),
}

# What a role of an administrator carries. ``see_phones`` lifts the mask.
ADMIN_RIGHTS: dict[str, frozenset[str]] = {
    "viewer": frozenset({"read"}),
    "support": frozenset({"read", "see_phones", "resend"}),
    "manager": frozenset({"read", "see_phones", "configure", "resend"}),
    "cashier": frozenset({"read", "record", "reverse", "pay_out"}),
    "approver": frozenset({"read", "approve"}),
    "owner": frozenset(
        {
            "read",
            "see_phones",
            "configure",
            "record",
            "reverse",
            "pay_out",
            "approve",
            "resend",
            "tenants",
        }
    ),
}


def member_may(role: str, right: str) -> bool:
    """Whether an office carries a right."""
    return right in MEMBER_RIGHTS.get(role, frozenset())


def require_member(role: str, right: str) -> None:
    """Raise ``NotAllowed("rights.office")`` unless the office carries the right."""
    if not member_may(role, right):
        raise NotAllowed("rights.office", right=right)


def admin_may(roles: list[str], right: str) -> bool:
    """Whether any of an administrator's roles carries a right."""
    return any(right in ADMIN_RIGHTS.get(role, frozenset()) for role in roles)


def require_admin(roles: list[str], right: str) -> None:
    """Raise ``NotAllowed("rights.role")`` unless one of the roles carries the right."""
    if not admin_may(roles, right):
        raise NotAllowed("rights.role", right=right)


def require_installation(roles: list[str], tenant_code: str) -> None:
    """Raise ``NotAllowed`` unless this administrator may look after tenants other than their own.

    Whoever runs the installation does so from its first tenant; the owners of the others see themselves only.
    """
    require_admin(roles, "tenants")
    if tenant_code != FIRST_TENANT:
        raise NotAllowed("rights.first_tenant", right="tenants")


def officers_with(right: str) -> list[str]:
    """The offices that carry a right."""
    return [role for role, rights in MEMBER_RIGHTS.items() if right in rights]
