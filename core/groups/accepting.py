"""Which rules a member has accepted: a version, kept with its hash. Nobody is bound by rules they never saw."""

from collections.abc import Sequence

from sqlalchemy import func, select

from core.db import Tx
from core.groups.finding import seats
from core.groups.records import Group, Holding, Lot, Member, RuleVersion, Seat
from core.operator.audit import note
from core.rules import Rules, read

# What may change without asking everybody again: how many lots there are shows while people join, and the
# cycle begins with those that are taken.
NOT_ASKED_AGAIN = frozenset({"lots", "remind_hours"})


def same_for_members(one: Rules, other: Rules) -> bool:
    """Whether whoever has accepted the one need not be asked about the other."""
    left_out = set(NOT_ASKED_AGAIN)
    return one.model_dump(exclude=left_out) == other.model_dump(exclude=left_out)


async def accept(tx: Tx, group: Group, who: Member) -> None:
    """A member accepts the rules as they are now."""
    who.accepted_version, who.accepted_hash = group.rules_version, group.rule_set.fingerprint()
    await tx.session.flush()
    await note(
        tx,
        "rules.accepted",
        group_id=group.group_id,
        subject=f"member:{who.number}",
        version=who.accepted_version,
        rules_hash=who.accepted_hash,
    )


async def not_accepted(tx: Tx, group: Group) -> Sequence[Seat]:
    """Members who hold a part of a lot in this cycle and have not accepted the present rules, by number."""
    # What was agreed while rounds ran was agreed by the group's own procedure, and binds all.
    asked: int | None = await tx.session.scalar(
        select(func.max(RuleVersion.version)).where(RuleVersion.group_id == group.group_id, RuleVersion.from_round == 1)
    )
    behind = [s for s in await seats(tx, group.group_id) if s.member.accepted_version < (asked or 0)]
    if not behind:
        return []
    versions = {s.member.accepted_version for s in behind} | {asked}
    rows = await tx.session.execute(
        select(RuleVersion.version, RuleVersion.rules).where(
            RuleVersion.group_id == group.group_id, RuleVersion.version.in_(versions)
        )
    )
    rules = {version: read(stored) for version, stored in rows}
    fine = {version for version, one in rules.items() if same_for_members(one, rules[asked or 0])}
    holders = set(
        await tx.session.scalars(
            select(Holding.member_id)
            .join(Lot, (Lot.group_id == Holding.group_id) & (Lot.id == Holding.lot_id))
            .where(Holding.group_id == group.group_id, Lot.cycle == group.cycle)
        )
    )
    return [s for s in behind if s.member.accepted_version not in fine and s.member.id in holders]
