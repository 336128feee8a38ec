"""Changing rules: freely while a group forms, each member accepting them anew; by its own procedure while rounds run.

What is promised to everybody for the whole cycle (contribution, lots, days, order, fee) is fixed while rounds run.
The rest may change from the next round on, when the officers agree or a vote says so, as the group has chosen.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from core import groups
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Proposal
from core.cycle.cycles import Cycle
from core.cycle.rounds import Round
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Member, RuleVersion
from core.ids import new_id
from core.messages import Message
from core.operator.audit import note
from core.operator.rights import officers_with
from core.rules import Rules, read
from core.talking.describing import rhythm_words, rule_lines
from core.telling import notices

# What may change between two rounds of a running cycle.
BETWEEN_ROUNDS = frozenset(
    {
        *("redraw_hours", "remind_hours", "auction", "guarantors", "fine"),
        *("shortfall", "payout_approval", "loan_per_mille", "late_joiners", "leaving", "rule_change", "vote_per_mille"),
        "closing",
    }
)


def fixed_now(old: Rules, new: Rules) -> bool:
    """Whether the change touches what is fixed while rounds run."""
    before, after = old.model_dump(), new.model_dump()
    return any(before[name] != after[name] for name in before if name not in BETWEEN_ROUNDS)


async def change(tx: Tx, group: Group, by: Member | None, rules: Rules) -> str:
    """Change the rules by whatever procedure holds now: ``set``, ``told`` (members are asked to accept), ``from``
    (a later round) or ``asked`` (others must agree first).

    ``by`` is None for an administrator. Raises ``Refusal``: ``rules.…``, ``rule.next_cycle``, ``rule.same``.
    """
    present = await latest(tx, group)
    if rules == present:
        raise Refusal("rule.same")
    if group.status != "running":
        return await _while_forming(tx, group, by, rules)
    rules.check(currency=group.currency)
    if fixed_now(group.rule_set, rules):
        raise Refusal("rule.next_cycle")
    asked = await _whom_to_ask(tx, group, by)
    if by is None or not asked:
        await _write(tx, group, rules)
        return "from"
    maker = await groups.seat(tx, group.group_id, by.id)
    question = say.AGREE_RULES(name=maker.person.name, group=group.name, lines=_lines(group, rules))
    most = len(asked)
    needed = most if group.rule_set.rule_change == "officers" else await _votes_needed(tx, group)
    await proposals.propose(
        tx,
        group,
        by,
        "rules",
        {"rules": rules.model_dump(mode="json"), "instead_of": present.fingerprint()},
        asked=asked,
        question=question,
        needed=max(1, min(needed, most)),
    )
    return "asked"


async def _while_forming(tx: Tx, group: Group, by: Member | None, rules: Rules) -> str:
    same = groups.same_for_members(group.rule_set, rules)
    await groups.change_rules(tx, group, rules)
    if by is not None:
        await groups.accept(tx, group, by)
    if same:
        return "set"
    others = [s for s in await groups.seats(tx, group.group_id) if by is None or s.member.id != by.id]
    if not others:
        return "set"
    await ask_to_accept(tx, group, [s.person.id for s in others])
    return "told"


async def ask_to_accept(tx: Tx, group: Group, person_ids: Sequence[UUID]) -> None:
    """Ask members whether they accept the rules as they are now, while the group forms."""
    rules = group.rule_set
    question = say.ACCEPT_RULES(
        group=group.name,
        amount=group.money(rules.contribution_minor),
        rhythm=rhythm_words(rules.rhythm),
        lots=rules.lots,
        pot=group.money(rules.pot_minor),
        lines=_lines(group, rules),
    )
    await notices.ask(
        tx,
        group,
        person_ids,
        question,
        command="_ACCEPT",
        filled={"group": str(group.group_id), "version": str(group.rules_version)},
        about=new_id(),
        event=f"rules:{group.group_id}:{group.rules_version}",
    )


def _lines(group: Group, rules: Rules) -> list[Message]:
    return rule_lines(group, rules) or [say.RULE_DRAWN()]


async def _whom_to_ask(tx: Tx, group: Group, by: Member | None) -> list[Member]:
    """Everybody for a vote, else the other officers who may change rules."""
    if by is None:
        return []
    if group.rule_set.rule_change == "vote":
        return [s.member for s in await groups.seats(tx, group.group_id) if s.member.id != by.id]
    officers = await groups.seats(tx, group.group_id, roles=officers_with("rules"))
    return [s.member for s in officers if s.member.id != by.id]


async def _votes_needed(tx: Tx, group: Group) -> int:
    """How many of the others must agree: the part of all members that the rules ask for, the proposer being for it."""
    members = len(await groups.seats(tx, group.group_id))
    return -(-members * group.rule_set.vote_per_mille // 1000) - 1


async def _carry_out(tx: Tx, group: Group, proposal: Proposal) -> None:
    rules = read(proposal.payload["rules"])
    if group.status != "running" or fixed_now(group.rule_set, rules):
        raise Refusal("rule.next_cycle")
    if (await latest(tx, group)).fingerprint() != proposal.payload["instead_of"]:
        # Agreed as a change of rules that others have changed since: it would take theirs back unsaid.
        raise Refusal("proposal.settled")
    await _write(tx, group, rules)


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    return say.CHANGE_OF_RULES()


proposals.register("rules", proposals.Kind(_carry_out, _describe))


async def _write(tx: Tx, group: Group, rules: Rules) -> None:
    """Write the version that holds from the next round on, and tell everybody."""
    rules.check(currency=group.currency)
    group = await groups.by_id(tx, group.group_id, lock=True)
    last: int | None = await tx.session.scalar(
        select(func.max(RuleVersion.version)).where(RuleVersion.group_id == group.group_id)
    )
    following = await next_round(tx, group)
    if following is None:
        raise Refusal("rule.next_cycle")
    tx.session.add(
        RuleVersion(
            group_id=group.group_id,
            version=(last or group.rules_version) + 1,
            tenant_id=tx.tenant_id,
            rules=rules.model_dump(mode="json"),
            rules_hash=rules.fingerprint(),
            made_by=tx.actor,
            made_at=tx.now,
            cycle=group.cycle,
            from_round=following,
        )
    )
    await tx.session.flush()
    version = (last or group.rules_version) + 1
    message = say.RULES_CHANGED(group=group.name, round=following, lines=_lines(group, rules))
    await notices.tell_members(tx, group, message, event=f"rules:{group.group_id}:{version}")
    await note(
        tx,
        "group.rules_changed",
        group_id=group.group_id,
        subject=f"group:{group.code}",
        version=version,
        from_round=following,
        rules_hash=rules.fingerprint(),
    )


async def latest(tx: Tx, group: Group) -> Rules:
    """The rules as they will be: those agreed for a round to come, else the present ones. Changes start from these."""
    if group.status != "running":
        return group.rule_set
    coming = await tx.session.scalar(
        select(RuleVersion)
        .where(
            RuleVersion.group_id == group.group_id,
            RuleVersion.cycle == group.cycle,
            RuleVersion.version > group.rules_version,
        )
        .order_by(RuleVersion.version.desc())
        .limit(1)
    )
    return read(coming.rules | {"lots": group.rules["lots"]}) if coming else group.rule_set


async def next_round(tx: Tx, group: Group) -> int | None:
    """The number of the first round of this cycle that has not opened yet; the first one has, as soon as it begins."""
    number: int | None = await tx.session.scalar(
        select(func.min(Round.number)).where(
            Round.group_id == group.group_id, Round.cycle == group.cycle, Round.opened_at.is_(None)
        )
    )
    return max(number, 2) if number else None


async def take_effect(tx: Tx, group: Group, cycle: Cycle, round_: Round) -> None:
    """Make the newest version that holds from this round on the group's and the cycle's, before the round opens."""
    newest = await tx.session.scalar(
        select(RuleVersion)
        .where(
            RuleVersion.group_id == group.group_id,
            RuleVersion.cycle == round_.cycle,
            RuleVersion.from_round <= round_.number,
            RuleVersion.version > group.rules_version,
        )
        .order_by(RuleVersion.version.desc())
        .limit(1)
    )
    if newest is None:
        return
    # The lots are those the cycle runs with, whoever has come or gone since it was written.
    chosen: dict[str, Any] = newest.rules | {"lots": cycle.rule_set.lots}
    group.rules, group.rules_version, cycle.rules = chosen, newest.version, chosen
    await tx.session.flush()
