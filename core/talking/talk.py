"""What a command has at hand while it runs: who speaks, in which tenant and language, and their groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core import groups
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Member
from core.inbox import Inbound
from core.messages import Message
from core.operator.rights import require_member
from core.people import Address, Person, Tenant
from core.treasury.contributions import Payment

# How long a command can be taken back.
UNDO_MINUTES = 15


@dataclass
class Talk:
    """One inbound message being answered.

    ``asked``: there are questions this address may still answer. ``undo`` is written by commands that can be
    taken back. ``hidden``: not empty once the message turned out to hold a secret.
    ``claims``: a member's waiting claims, once they were looked up. ``goes_on``: the command, and what is filled of
    it, that a choice leads to. ``helpless``: what is answered helps on, because nothing else was understood.
    """

    tx: Tx
    tenant: Tenant
    inbound: Inbound
    address: Address
    person: Person | None
    language: str
    asked: bool = False
    word: str = ""
    undo: dict[str, Any] | None = None
    group: Group | None = None
    goes_on: tuple[str, dict[str, str]] | None = None
    helpless: bool = False
    hidden: list[bool] = field(default_factory=list, repr=False)
    claims: dict[UUID, list[Payment]] = field(default_factory=dict, repr=False)
    _groups: Sequence[tuple[Group, Member]] | None = field(default=None, repr=False)

    @property
    def me(self) -> Person:
        """The person who speaks. Raises ``Refusal("person.unknown_yet")`` for somebody we do not know yet."""
        if self.person is None:
            raise Refusal("person.unknown_yet")
        return self.person

    async def my_groups(self) -> Sequence[tuple[Group, Member]]:
        """The groups of the person who speaks, the newest first."""
        if self._groups is None:
            self._groups = await groups.of_person(self.tx, self.person.id) if self.person else []
        return self._groups

    async def membership(self, group: Group) -> Member:
        """The speaker's membership. Raises ``Refusal("member.not_in")``."""
        for known, member in await self.my_groups():
            if known.group_id == group.group_id:
                return member
        raise Refusal("member.not_in")

    async def officer(self, group: Group, right: str) -> Member:
        """The speaker's membership, whose office carries the right. Raises ``Refusal`` otherwise."""
        member = await self.membership(group)
        require_member(member.role, right)
        return member

    def hide(self) -> None:
        """The message holds a secret: it is kept without its text, whatever becomes of the command."""
        self.hidden.append(True)

    def forget_groups(self) -> None:
        """After joining or leaving."""
        self._groups = None

    def can_undo(self, action: str, *, until: datetime | None = None, **what: UUID) -> None:
        """Say how this command is taken back, for ``UNDO_MINUTES`` unless ``until`` is said."""
        until = until or self.tx.now + timedelta(minutes=UNDO_MINUTES)
        self.undo = {"action": action, "until": until.isoformat(), **{k: str(v) for k, v in what.items()}}


Answers = Message | list[Message] | None
