"""Offices: who is secretary or collector, and who is organiser after the organiser.

An office is accepted on one's own phone. The organiser hands theirs over, or, when the organiser is gone, two
officers and more than half of the members give it to somebody else. Refuses to leave a group without an organiser.
"""

from collections.abc import Sequence
from uuid import UUID

from core import groups
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Kind, Proposal, Vote
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Member, Seat
from core.messages import Kind as Sentence
from core.messages import Message
from core.operator.audit import note
from core.operator.rights import officers_with
from core.telling import notices

# How many officers must want another organiser; where there are fewer beside the organiser, all of them.
OFFICERS_NEEDED = 2

NAMES: dict[str, Sentence] = {
    "organiser": say.ORGANISER,
    "secretary": say.SECRETARY,
    "collector": say.COLLECTOR,
    "member": say.PLAIN_MEMBER,
}


async def offer(tx: Tx, group: Group, by: Member, who: Seat, role: str) -> Proposal | None:
    """Offer an office to a member, who accepts it on their own phone; None when nobody has to be asked.

    Taking an office away needs nobody's consent. Raises ``Refusal("member.organiser_stays")`` for the organiser's
    own, ``role.same`` for one they have.
    """
    if "organiser" in (role, who.member.role):
        raise Refusal("member.organiser_stays", group=group.name)
    if who.member.role == role:
        raise Refusal("role.same", name=who.person.name)
    if role == "member":
        await groups.give_role(tx, group, who.member, role)
        await _tell_everybody(tx, group, who, role, event=f"role:{who.member.id}:{tx.now.isoformat()}")
        return None
    question = say.ASK_ROLE(group=group.name, office=NAMES[role](), name=(await _name(tx, group, by.id)))
    payload = {"member": str(who.member.id), "role": role}
    return await proposals.propose(tx, group, by, "role", payload, asked=[who.member], question=question)


async def _take_office(tx: Tx, group: Group, proposal: Proposal) -> None:
    who = await groups.seat(tx, group.group_id, UUID(proposal.payload["member"]))
    await groups.give_role(tx, group, who.member, proposal.payload["role"])
    await _tell_everybody(tx, group, who, proposal.payload["role"], event=f"role:{proposal.id}")


async def _describe_office(tx: Tx, group: Group, proposal: Proposal) -> Message:
    name = await _name(tx, group, UUID(proposal.payload["member"]))
    return say.WHAT_ROLE(name=name, office=NAMES[proposal.payload["role"]]())


async def _tell_everybody(tx: Tx, group: Group, who: Seat, role: str, *, event: str) -> None:
    """Members know to whom they may give money."""
    await notices.tell_members(
        tx, group, say.ROLE_GIVEN(group=group.name, name=who.person.name, office=NAMES[role]()), event=event
    )


async def _name(tx: Tx, group: Group, member_id: UUID) -> str:
    return (await groups.seat(tx, group.group_id, member_id)).person.name


async def hand_over(tx: Tx, group: Group, by: Member, to: Seat) -> Proposal:
    """Somebody shall be organiser: handed over by the organiser, or proposed by an officer to all members.

    Raises ``Refusal``: ``role.same`` (the organiser already), ``member.suspended``.
    """
    if to.member.role == "organiser":
        raise Refusal("role.same", name=to.person.name)
    if to.member.status != "active":
        raise Refusal("member.suspended", name=to.person.name)
    name = await _name(tx, group, by.id)
    payload = {"member": str(to.member.id)}
    if by.role == "organiser":
        question = say.ASK_SUCCESSOR(group=group.name, name=name)
        return await proposals.propose(tx, group, by, "successor", payload, asked=[to.member], question=question)
    asked = [s.member for s in await _electors(tx, group) if s.member.id != by.id]
    question = say.ASK_ELECTION(group=group.name, name=name, to=to.person.name)
    return await proposals.propose(tx, group, by, "election", payload, asked=asked, question=question)


async def _electors(tx: Tx, group: Group) -> list[Seat]:
    """Who decides on an organiser when the organiser is gone: everybody else in good standing."""
    everyone = await groups.seats(tx, group.group_id)
    return [s for s in everyone if s.member.role != "organiser" and s.member.status == "active"]


async def _elected(tx: Tx, group: Group, proposal: Proposal, votes: Sequence[Vote]) -> bool | None:
    """Two officers, more than half of the members, and the one it is about; whoever proposes it has said yes."""
    electors = {s.member.id: s.member for s in await _electors(tx, group)}
    officers = {m.id for m in electors.values() if m.role in officers_with("succeed")}
    yes = ({proposal.made_by} | {v.member_id for v in votes if v.answer is True}) & electors.keys()
    no = {v.member_id for v in votes if v.answer is False}
    may = electors.keys() - no
    to, needed = UUID(proposal.payload["member"]), min(OFFICERS_NEEDED, len(officers))
    if to in yes and len(yes & officers) >= needed and 2 * len(yes) > len(electors):
        return True
    if to not in may or len(may & officers) < needed or 2 * len(may) <= len(electors):
        return False
    return None


async def _succeed(tx: Tx, group: Group, proposal: Proposal) -> None:
    to = await groups.seat(tx, group.group_id, UUID(proposal.payload["member"]))
    if to.member.status != "active":
        raise Refusal("member.suspended", name=to.person.name)
    for before in await groups.seats(tx, group.group_id, roles=["organiser"]):
        before.member.role = "member"
    to.member.role = "organiser"
    await tx.session.flush()
    await note(tx, "group.organiser", group_id=group.group_id, subject=f"member:{to.member.number}")
    message = say.ROLE_GIVEN(group=group.name, name=to.person.name, office=say.ORGANISER())
    await notices.tell_members(tx, group, message, event=f"successor:{proposal.id}")


async def _describe_successor(tx: Tx, group: Group, proposal: Proposal) -> Message:
    name = await _name(tx, group, UUID(proposal.payload["member"]))
    return say.WHAT_ROLE(name=name, office=say.ORGANISER())


proposals.register("role", Kind(_take_office, _describe_office))
proposals.register("successor", Kind(_succeed, _describe_successor))
proposals.register("election", Kind(_succeed, _describe_successor, decide=_elected))
