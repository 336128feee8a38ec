"""Pausing and going on: an officer proposes it, another officer or two members agree, everybody hears the new dates."""

from datetime import date

from core import groups
from core import sentences as say
from core.consent import others, proposals
from core.consent.proposals import Kind, Proposal
from core.cycle import pausing
from core.db import Tx
from core.groups import Group, Member
from core.messages import Message
from core.telling import notices

LONGEST_REASON = 100


async def propose(tx: Tx, group: Group, by: Member, *, until_on: date, reason: str) -> Proposal:
    """Ask that no round fall due before a day. Raises ``Refusal``: ``pause.…``, ``proposal.nobody``."""
    moved = await pausing.check(tx, group, until_on)
    asked, needed = await others.than(tx, group, by, "pause")
    who = await groups.seat(tx, group.group_id, by.id)
    question = say.PAUSE_QUESTION(
        group=group.name,
        name=who.person.name,
        until=until_on,
        reason=reason[:LONGEST_REASON],
        round=moved.round.number,
        due=moved.due_at,
    )
    payload = {"until": until_on.isoformat(), "reason": reason[:LONGEST_REASON]}
    return await proposals.propose(tx, group, by, "pause", payload, asked=asked, question=question, needed=needed)


async def propose_resuming(tx: Tx, group: Group, by: Member) -> Proposal:
    """Ask that the pause end now. Raises ``Refusal``: ``pause.none``, ``pause.over``, ``proposal.nobody``."""
    moved = await pausing.check_resume(tx, group)
    asked, needed = await others.than(tx, group, by, "pause")
    who = await groups.seat(tx, group.group_id, by.id)
    question = say.RESUME_QUESTION(group=group.name, name=who.person.name, round=moved.round.number, due=moved.due_at)
    return await proposals.propose(tx, group, by, "resume", {}, asked=asked, question=question, needed=needed)


async def _pause(tx: Tx, group: Group, proposal: Proposal) -> None:
    group = await groups.by_id(tx, group.group_id, lock=True)
    made, moved = await pausing.pause(
        tx, group, date.fromisoformat(proposal.payload["until"]), proposal.payload["reason"]
    )
    message = say.PAUSED(
        group=group.name, until=made.until_on, reason=made.reason, round=moved.round.number, due=moved.due_at
    )
    await notices.tell_members(tx, group, message, event=f"paused:{made.id}")


async def _describe_pause(tx: Tx, group: Group, proposal: Proposal) -> Message:
    return say.PAUSE_WHAT(until=date.fromisoformat(proposal.payload["until"]))


async def _resume(tx: Tx, group: Group, proposal: Proposal) -> None:
    group = await groups.by_id(tx, group.group_id, lock=True)
    moved = await pausing.resume(tx, group)
    message = say.RESUMED(group=group.name, round=moved.round.number, due=moved.due_at)
    await notices.tell_members(tx, group, message, event=f"resumed:{proposal.id}")


async def _describe_resuming(tx: Tx, group: Group, proposal: Proposal) -> Message:
    return say.RESUME_WHAT()


proposals.register("pause", Kind(carry_out=_pause, describe=_describe_pause))
proposals.register("resume", Kind(carry_out=_resume, describe=_describe_resuming))
