"""A group while it forms: founding, rules, joining and leaving, offices, and forming again after a cycle."""

from fractions import Fraction
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import func, select, text

from core.db import Tx
from core.errors import Refusal
from core.groups.finding import by_id, member, membership, require_forming
from core.groups.records import Group, Lot, Member, RuleVersion
from core.groups.shares import hold, holdings, lots_taken, place, release
from core.ids import GROUP_CODE_LENGTH, new_code, new_id
from core.operator.audit import note
from core.people import Person
from core.rules import Rules, check_share

LONGEST_GROUP_NAME = 60
MOST_MEMBERS = 1000


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
        cycle=group.cycle,
        from_round=1,
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
    """New rules, while the group forms. Raises ``Refusal``. Whom to ask again: ``core.consent.rule_changes``."""
    require_forming(group)
    rules.check(currency=group.currency)
    taken = await lots_taken(tx, group)
    if rules.lots < taken:
        raise Refusal("rules.fewer_lots_than_taken", taken=taken)
    # A version that was to hold from a round that never came keeps its number.
    last: int | None = await tx.session.scalar(
        select(func.max(RuleVersion.version)).where(RuleVersion.group_id == group.group_id)
    )
    group.rules, group.rules_version = rules.model_dump(mode="json"), (last or 0) + 1
    tx.session.add(_version(tx, group, rules))
    await tx.session.flush()
    await note(tx, "group.rules_changed", group_id=group.group_id, subject=f"group:{group.code}")


async def join(tx: Tx, group: Group, person: Person, *, share: Fraction, role: str = "member") -> Member:
    """Join while the group forms, or change what one holds there. ``share``: lots, e.g. 1, 1/2, 3/2 or 0.

    Raises ``Refusal``: ``group.not_forming``, ``share.…``, ``group.full``.
    """
    group = await by_id(tx, group.group_id, lock=True)
    if group.status == "closed" and role != "organiser":
        raise Refusal("group.between_cycles", group=group.name)
    require_forming(group)
    check_share(share)
    who = await membership(tx, group.group_id, person.id)
    if who is None:
        who = await _new_member(tx, group, person, role)
    elif who.status == "left":
        # An office went with the one who left; it is given again, not found again.
        who.status, who.left_at, who.role = "active", None, role
    who.accepted_version, who.accepted_hash = group.rules_version, group.rule_set.fingerprint()
    await tx.session.flush()
    await release(tx, group, who)
    await place(tx, group, who, share)
    await note(
        tx, "member.joined", group_id=group.group_id, subject=f"member:{who.number}", share=str(share), role=role
    )
    return who


async def enrol(tx: Tx, group: Group, person: Person) -> Member:
    """Somebody becomes a member without a lot, whatever the group's status: what they get is decided next."""
    group = await by_id(tx, group.group_id, lock=True)
    who = await membership(tx, group.group_id, person.id)
    if who is None:
        who = await _new_member(tx, group, person, "member")
    elif who.status == "left":
        who.status, who.left_at, who.role = "active", None, "member"
    who.accepted_version, who.accepted_hash = group.rules_version, group.rule_set.fingerprint()
    await tx.session.flush()
    await note(tx, "member.enrolled", group_id=group.group_id, subject=f"member:{who.number}")
    return who


async def unenrol(tx: Tx, group: Group, who: Member) -> None:
    """Who was enrolled for something that came to nothing is no member any more; who holds a lot by now stays."""
    if who.status == "left" or who.role != "member" or await holdings(tx, group, member_id=who.id):
        return
    who.status, who.left_at = "left", tx.now
    await tx.session.flush()
    await note(tx, "member.left", group_id=group.group_id, subject=f"member:{who.number}")


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
    require_forming(group)
    if who.role == "organiser":
        raise Refusal("member.organiser_stays", group=group.name)
    await release(tx, group, who)
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


async def rename(tx: Tx, group: Group, name: str) -> None:
    """Another name, while the group forms. Raises ``Refusal``."""
    require_forming(group)
    group.name = tidy_group_name(name)
    await tx.session.flush()
    await note(tx, "group.renamed", group_id=group.group_id, subject=f"group:{group.code}", name=group.name)


async def reopen(tx: Tx, group: Group) -> None:
    """Start forming the next cycle of a closed group, everybody holding what they held before."""
    if group.status != "closed":
        return
    # A lot with which somebody has left is nobody's.
    gone = await tx.session.scalars(
        select(Lot.number).where(Lot.group_id == group.group_id, Lot.cycle == group.cycle, Lot.status == "withdrawn")
    )
    left = set(gone.all())
    before = [held for held in await holdings(tx, group) if held.lot_number not in left]
    group.cycle, group.status = group.cycle + 1, "forming"
    await tx.session.flush()
    for held in before:
        who = await member(tx, group.group_id, held.member_id)
        if who.status != "left":
            await hold(tx, group, who, lot_number=held.lot_number, share=held.share)
