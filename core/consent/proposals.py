"""Proposals: something that others must agree to, each on their own phone, before it is done.

A swap of turns, a guarantee, cash handed from one officer to another, a successor, a change of rules: each is a
kind of proposal, registered with what carries it out. Nothing is done before enough have said yes, it is done once,
in the transaction of the answer that decides, and what was asked and answered stays on record.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from core import groups, people
from core import sentences as say
from core.db import Base, Tx
from core.errors import NotFound, Refusal
from core.groups import Group, Member
from core.ids import new_id
from core.messages import Message
from core.operator.audit import note
from core.talking import questions
from core.telling import notices

LIFETIME = timedelta(days=7)
MOST_NAMED = 3


class Proposal(Base):
    """``payload``: what the kind needs to carry it out, as JSON. ``needed``: how many of those asked must say yes."""

    __tablename__ = "proposals"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    made_by: Mapped[UUID]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    needed: Mapped[int]
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    reason: Mapped[str | None]


class Vote(Base):
    """Somebody who is asked; ``answer`` is None until they say."""

    __tablename__ = "votes"
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    proposal_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    answer: Mapped[bool | None]
    answered_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Kind:
    """What a kind of proposal does.

    ``carry_out`` does it, tells those concerned, and may raise ``Refusal`` when it has become impossible.
    ``describe`` says in a sentence what it is, for whoever hears that it was refused. ``decide``: where more than a
    number counts, whether what was said is enough (True), can no longer be (False), or waits for more (None).
    ``in_vain``: what is put back when it was refused, has become impossible, or nobody answered in time.
    """

    carry_out: Callable[[Tx, Group, Proposal], Awaitable[None]]
    describe: Callable[[Tx, Group, Proposal], Awaitable[Message]]
    decide: Callable[[Tx, Group, Proposal, Sequence[Vote]], Awaitable[bool | None]] | None = None
    in_vain: Callable[[Tx, Group, Proposal], Awaitable[None]] | None = None


KINDS: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Make a kind known; done where the kind is written, once."""
    if KINDS.setdefault(name, kind) is not kind:
        raise RuntimeError(f"two kinds of proposal are called {name}")


async def propose(
    tx: Tx,
    group: Group,
    by: Member,
    kind: str,
    payload: dict[str, Any],
    *,
    asked: Sequence[Member],
    question: Message,
    needed: int | None = None,
    lifetime: timedelta = LIFETIME,
    command: str = "_AGREE",
) -> Proposal:
    """Ask others to agree. ``needed``: how many of them must (all, unless said). ``command``: what their answers run.

    An open proposal of the same kind by the same member is withdrawn: they have changed their mind.
    Raises ``Refusal``: ``proposal.nobody`` when there is nobody to ask, ``proposal.unreached`` when too few of them
    have agreed to be written to, so that it could never be done.
    """
    if kind not in KINDS:
        raise ValueError(f"{kind} is no kind of proposal")
    if not asked:
        raise Refusal("proposal.nobody")
    needed = len(asked) if needed is None else needed
    await _require_enough_reached(tx, kind, asked, needed)
    for earlier in await open_proposals(tx, group, kind=kind):
        if earlier.made_by == by.id:
            await _settle(tx, group, earlier, "withdrawn")
    proposal = Proposal(
        group_id=group.group_id,
        id=new_id(),
        tenant_id=tx.tenant_id,
        kind=kind,
        payload=payload,
        made_by=by.id,
        made_at=tx.now,
        expires_at=tx.now + lifetime,
        needed=needed,
        settled_at=None,
        outcome=None,
        reason=None,
    )
    tx.session.add(proposal)
    await tx.session.flush()
    await tx.session.execute(
        insert(Vote),
        [
            {"group_id": group.group_id, "proposal_id": proposal.id, "member_id": one.id, "tenant_id": tx.tenant_id}
            for one in asked
        ],
    )
    await tx.session.execute(
        update(Group)
        # A running group without an agenda waits for money alone, and is found by that (core.cycle.agenda.look_again).
        .where(Group.group_id == group.group_id, or_(Group.wake_at.is_not(None), Group.status != "running"))
        .values(wake_at=func.least(func.coalesce(Group.wake_at, proposal.expires_at), proposal.expires_at))
    )
    # The database has reckoned it; whoever asks the group next must not find a gap.
    await tx.session.refresh(group, ["wake_at"])
    await notices.ask(
        tx,
        group,
        [one.person_id for one in asked],
        question,
        command=command,
        filled={"group": str(group.group_id), "proposal": str(proposal.id)},
        about=proposal.id,
        event=f"proposal:{proposal.id}",
        lifetime=lifetime,
    )
    await note(tx, f"proposal.{kind}", group_id=group.group_id, subject=f"proposal:{proposal.id}")
    return proposal


async def _require_enough_reached(tx: Tx, kind: str, asked: Sequence[Member], needed: int) -> None:
    silent = [who for who in [await people.person(tx, one.person_id) for one in asked] if who.consented_at is None]
    reached = len(asked) - len(silent)
    if reached == 0 or (KINDS[kind].decide is None and reached < needed):
        raise Refusal("proposal.unreached", name=", ".join(who.name for who in silent[:MOST_NAMED]))


async def answer(tx: Tx, group: Group, proposal_id: UUID, who: Member, *, yes: bool) -> Proposal:
    """Somebody who was asked says yes or no. The answer that decides also carries the proposal out.

    Raises ``Refusal``: ``proposal.settled``, ``proposal.not_asked``; a change of mind counts until it is settled.
    """
    proposal = await tx.session.get(Proposal, (group.group_id, proposal_id), with_for_update=True)
    if proposal is None:
        raise NotFound("proposal.unknown")
    if proposal.settled_at is not None:
        raise Refusal("proposal.settled")
    if proposal.expires_at <= tx.now:
        await _expire(tx, group, proposal)
        return proposal
    said = await tx.session.scalar(
        update(Vote)
        .where(Vote.group_id == group.group_id, Vote.proposal_id == proposal_id, Vote.member_id == who.id)
        .values(answer=yes, answered_at=tx.now)
        .returning(Vote.member_id)
    )
    if said is None:
        raise Refusal("proposal.not_asked")
    decided = await _decided(tx, group, proposal)
    if decided:
        await _carry_out(tx, group, proposal)
    elif decided is False:
        await _settle(tx, group, proposal, "refused")
        seat = await groups.seat(tx, group.group_id, who.id)
        what = await KINDS[proposal.kind].describe(tx, group, proposal)
        message = say.PROPOSAL_REFUSED(group=group.name, name=seat.person.name, what=what)
        await _tell_proposer(tx, group, proposal, message)
    return proposal


async def _decided(tx: Tx, group: Group, proposal: Proposal) -> bool | None:
    """Whether enough have agreed; False when even everybody else's yes would not be enough; None: wait."""
    votes = await votes_of(tx, proposal)
    decide = KINDS[proposal.kind].decide
    if decide is not None:
        return await decide(tx, group, proposal, votes)
    if sum(vote.answer is True for vote in votes) >= proposal.needed:
        return True
    return False if len(votes) - sum(vote.answer is False for vote in votes) < proposal.needed else None


async def _carry_out(tx: Tx, group: Group, proposal: Proposal) -> None:
    """Do it; what has become impossible meanwhile is said, and undone as one."""
    kind = KINDS[proposal.kind]
    try:
        async with tx.session.begin_nested():
            await kind.carry_out(tx, group, proposal)
    except Refusal as refusal:
        await _settle(tx, group, proposal, "refused", reason=refusal.code)
        what = await kind.describe(tx, group, proposal)
        await _tell_proposer(tx, group, proposal, say.PROPOSAL_FAILED(group=group.name, what=what))
        return
    await _settle(tx, group, proposal, "done")


async def expire(tx: Tx, group: Group) -> datetime | None:
    """Settle what nobody has decided in time; the instant at which the next one expires."""
    following = None
    for proposal in await open_proposals(tx, group):
        if proposal.expires_at <= tx.now:
            await _expire(tx, group, proposal)
        else:
            following = min(following or proposal.expires_at, proposal.expires_at)
    return following


async def _expire(tx: Tx, group: Group, proposal: Proposal) -> None:
    await _settle(tx, group, proposal, "expired")
    what = await KINDS[proposal.kind].describe(tx, group, proposal)
    await _tell_proposer(tx, group, proposal, say.PROPOSAL_EXPIRED(group=group.name, what=what))


async def _settle(tx: Tx, group: Group, proposal: Proposal, outcome: str, *, reason: str | None = None) -> None:
    proposal.settled_at, proposal.outcome, proposal.reason = tx.now, outcome, reason
    await tx.session.flush()
    await questions.settle(tx, proposal.id)
    in_vain = KINDS[proposal.kind].in_vain
    if in_vain is not None and outcome in ("refused", "expired"):
        await in_vain(tx, group, proposal)
    await note(
        tx, f"proposal.{outcome}", group_id=group.group_id, subject=f"proposal:{proposal.id}", kind=proposal.kind
    )


async def _tell_proposer(tx: Tx, group: Group, proposal: Proposal, message: Message) -> None:
    maker = await groups.seat(tx, group.group_id, proposal.made_by)
    await notices.tell_person(tx, group, maker.person.id, message, event=f"proposal.settled:{proposal.id}")


async def open_proposals(tx: Tx, group: Group, *, kind: str | None = None) -> Sequence[Proposal]:
    """What waits for answers, the oldest first."""
    query = select(Proposal).where(Proposal.group_id == group.group_id, Proposal.settled_at.is_(None))
    if kind is not None:
        query = query.where(Proposal.kind == kind)
    return (await tx.session.scalars(query.order_by(Proposal.made_at, Proposal.id))).all()


async def votes_of(tx: Tx, proposal: Proposal) -> Sequence[Vote]:
    """Who was asked and what they said, as the database has it."""
    rows = await tx.session.scalars(
        select(Vote)
        .where(Vote.group_id == proposal.group_id, Vote.proposal_id == proposal.id)
        .order_by(Vote.member_id)
        .execution_options(populate_existing=True)
    )
    return rows.all()
