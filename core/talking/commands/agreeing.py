"""What somebody answers when others want their consent. The questions come with notices; nobody types the word."""

from typing import Annotated
from uuid import UUID

from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Proposal
from core.groups import Group
from core.messages import Message
from core.talking.asks import Kept, WhichGroup, YesOrNo
from core.talking.command import command
from core.talking.talk import Talk


@command("_AGREE")
async def agree(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    proposal: Annotated[UUID, Kept()],
    answer: Annotated[bool, YesOrNo()],
) -> Message:
    """Yes or no to a proposal; what comes of it is told to all whom it concerns."""
    talk.group = group
    answered = await proposals.answer(talk.tx, group, proposal, await talk.membership(group), yes=answer)
    return heard(group, answered) if answer else say.NEVER_MIND()


def heard(group: Group, proposal: Proposal) -> Message:
    """To who has just said yes: whether others are still to answer, or theirs was the answer that decided."""
    if proposal.settled_at is None:
        return say.AGREED(group=group.name)
    return say.AGREED_DONE() if proposal.outcome == "done" else say.AGREED_IN_VAIN()
