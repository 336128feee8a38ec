"""Somebody takes another's place: with the consent of both and of the organiser; or as heir of one who has died.

The newcomer agrees first, on their own phone, to the rules, the sum and, if they want, the debts. Then the others do:
in place of the dead an officer and one more. What was paid and received stays the history of whom it was; the lots,
what is still to come of them, and what was paid in advance are the newcomer's from then on.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text, update

from core import groups, ledger, people
from core import sentences as say
from core.consent import proposals
from core.consent.proposals import Kind, Proposal
from core.cycle import rounds
from core.cycle.rounds import Due
from core.db import Tx
from core.errors import Refusal
from core.groups import Group, Holding, Member, Seat
from core.membership import guarantors
from core.messages import NO, SMS, YES, Choice, Message
from core.operator.audit import note
from core.operator.rights import officers_with
from core.people import Person
from core.talking import questions
from core.telling import invitations, notices, outbox
from core.telling.outbox import Said
from core.treasury import cash

# How long somebody may think about taking a place.
LIFETIME = timedelta(days=14)


async def owed(tx: Tx, group: Group, member: Member) -> int:
    """What a member owes now, in minor units."""
    return sum(due.open_minor for due in await rounds.open_dues(tx, group.group_id, member_id=member.id))


async def offer(tx: Tx, group: Group, by: Member, member: Seat, phone: str, *, dead: bool, timezone: str) -> None:
    """Ask whoever has that phone whether they take a member's place.

    Raises ``Refusal``: ``member.organiser_stays``, ``place.nothing``, ``place.oneself``, ``invite.…`` for a number that
    wants nothing from us or was asked something less than a week ago.
    """
    await _check(tx, group, member)
    gateway = await people.preferred_gateway(tx, SMS)
    address = await people.address_of(tx, channel=SMS, gateway=gateway, value=phone)
    if address.person_id == member.person.id:
        raise Refusal("place.oneself")
    held = await groups.holdings(tx, group, member_id=member.member.id)
    pays = await tx.session.scalars(
        select(Holding.amount_minor).where(
            Holding.group_id == group.group_id, Holding.id.in_([one.holding_id for one in held])
        )
    )
    question = say.ASK_TAKE_PLACE(
        group=group.name,
        name=member.person.name,
        lots=", ".join(str(one.lot_number) for one in held),
        amount=group.money(sum(minor or 0 for minor in pays)),
    ).offering(Choice(say.YES(), YES), Choice(say.NO(), NO))
    filled = {
        "group": str(group.group_id),
        "place": str(member.member.id),
        "by": str(by.id),
        "dead": YES if dead else NO,
    }
    await invitations.by_officer(tx, group, address, kind="place")
    posed = await questions.pose(
        tx, address, question, command="_TAKE_PLACE", slot="wants", filled=filled, lifetime=LIFETIME
    )
    event = f"place:{member.member.id}:{tx.now.isoformat()}"
    language = address.language or member.person.language
    said = Said(address, posed, language, tx.now)
    await outbox.tell_addresses(tx, [said], event=event, timezone=timezone, group_id=group.group_id)
    await note(tx, "place.offered", group_id=group.group_id, subject=f"member:{member.member.number}", dead=dead)


async def _check(tx: Tx, group: Group, member: Seat) -> None:
    if member.member.role == "organiser":
        raise Refusal("member.organiser_stays", group=group.name)
    if not await groups.holdings(tx, group, member_id=member.member.id):
        raise Refusal("place.nothing", name=member.person.name)


async def accept(
    tx: Tx, group: Group, newcomer: Person, *, place_id: UUID, by_id: UUID, dead: bool, debts: bool
) -> Member:
    """The newcomer wants the place: they become a member, and the others are asked. Raises ``Refusal``."""
    member = await groups.seat(tx, group.group_id, place_id)
    await _check(tx, group, member)
    who = await groups.enrol(tx, group, newcomer)
    by = await groups.member(tx, group.group_id, by_id)
    payload = {"from": str(place_id), "to": str(who.id), "debts": debts, "dead": dead}
    kind = "heir" if dead else "replace"
    asked = await _asked(tx, group, member.member, who, by, dead=dead)
    question = (say.ASK_HEIR if dead else say.ASK_REPLACE)(
        group=group.name,
        name=newcomer.name,
        of=member.person.name,
        amount=group.money(await owed(tx, group, member.member)),
    )
    if not asked:
        await _move(tx, group, member, who, debts=debts, dead=dead)
        return who
    needed = 1 if dead else None
    await proposals.propose(tx, group, by, kind, payload, asked=asked, question=question, needed=needed)
    return who


async def _asked(tx: Tx, group: Group, old: Member, new: Member, by: Member, *, dead: bool) -> Sequence[Member]:
    """Who must agree beside whoever proposed it."""
    everyone = [s.member for s in await groups.seats(tx, group.group_id)]
    out = {new.id, by.id} | ({old.id} if dead else set())
    if not dead:
        return [m for m in everyone if (m.id == old.id or m.role == "organiser") and m.id not in out]
    others = [m for m in everyone if m.id not in out and m.status == "active"]
    officers = [m for m in others if m.role in officers_with("admit")]
    return officers or others


async def _agreed(tx: Tx, group: Group, proposal: Proposal) -> None:
    said = proposal.payload
    old = await groups.seat(tx, group.group_id, UUID(said["from"]))
    new = await groups.member(tx, group.group_id, UUID(said["to"]))
    await _check(tx, group, old)
    await _move(tx, group, old, new, debts=said["debts"], dead=said["dead"])


async def _move(tx: Tx, group: Group, old: Seat, new: Member, *, debts: bool, dead: bool) -> None:
    await groups.by_id(tx, group.group_id, lock=True)
    for one in sorted((old.member, new), key=lambda who: who.id):
        await groups.member(tx, group.group_id, one.id, lock=True)
    mine = await groups.holdings(tx, group, member_id=old.member.id)
    theirs = {one.lot_number for one in await groups.holdings(tx, group, member_id=new.id)}
    if theirs & {one.lot_number for one in mine}:
        raise Refusal("place.same_lot")
    values = {"group": group.group_id, "old": old.member.id, "new": new.id, "ids": [one.holding_id for one in mine]}
    for statement in (
        "UPDATE holdings SET member_id = :new WHERE group_id = :group AND id = ANY (:ids)",
        "UPDATE payout_legs SET member_id = :new WHERE group_id = :group AND member_id = :old AND paid_at IS NULL"
        " AND holding_id = ANY (:ids)",
    ):
        await tx.session.execute(text(statement), values)
    if debts:
        due_ids = [due.due_id for due in await rounds.open_dues(tx, group.group_id, member_id=old.member.id)]
        await tx.session.execute(
            update(Due)
            .where(Due.group_id == group.group_id, Due.id.in_(due_ids))
            .values(member_id=new.id)
            .execution_options(synchronize_session=False)
        )
    await _move_advance(tx, group, old.member, new)
    await _retire(tx, group, old.member, dead=dead)
    await note(
        tx,
        "place.taken",
        group_id=group.group_id,
        subject=f"member:{new.number}",
        before=old.member.number,
        lots=[one.lot_number for one in mine],
        debts=debts,
        dead=dead,
    )
    seat = await groups.seat(tx, group.group_id, new.id)
    lots = ", ".join(str(one.lot_number) for one in mine)
    message = say.PLACE_TAKEN(group=group.name, name=seat.person.name, of=old.person.name, lots=lots)
    event = f"place:{new.id}:{old.member.id}:{tx.now.isoformat()}"
    if not dead:
        await notices.tell_person(tx, group, old.person.id, message, event=event)
    await notices.tell_members(tx, group, message, event=event, besides=[old.person.id])


async def _move_advance(tx: Tx, group: Group, old: Member, new: Member) -> None:
    """What was paid in advance counts for the lots, whoever holds them."""
    have = await ledger.balance(tx.session, group_id=group.group_id, account=f"advance/{old.number}")
    if have <= 0:
        return
    posting = ledger.Posting(
        kind="place.advance",
        debit=f"advance/{old.number}",
        credit=f"advance/{new.number}",
        amount_minor=have,
        currency=group.currency,
        reference=f"place:{old.id}:{new.id}:{tx.now.isoformat()}",
    )
    await ledger.post(tx.session, group_id=group.group_id, postings=[posting], at=tx.now)


async def _retire(tx: Tx, group: Group, old: Member, *, dead: bool) -> None:
    """Who has died is told nothing more; another goes when they owe nothing and hold no cash."""
    if not dead and (await owed(tx, group, old) or await cash.held_by(tx, group, old) > 0):
        return
    old.status, old.left_at, old.role = "left", tx.now, "member"
    await tx.session.flush()
    for one in await guarantors.standing(tx, group, guarantor_id=old.id):
        await guarantors.release(tx, group, one)


async def _describe(tx: Tx, group: Group, proposal: Proposal) -> Message:
    new = await groups.seat(tx, group.group_id, UUID(proposal.payload["to"]))
    old = await groups.seat(tx, group.group_id, UUID(proposal.payload["from"]))
    return say.WHAT_PLACE(name=new.person.name, of=old.person.name)


proposals.register("replace", Kind(_agreed, _describe))
proposals.register("heir", Kind(_agreed, _describe))
