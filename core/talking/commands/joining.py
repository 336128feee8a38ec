"""Founding, joining, inviting, beginning: NEW, JOIN, LEAVE, INVITE, BEGIN."""

from fractions import Fraction
from typing import Annotated

from core import groups, people, phones
from core import sentences as say
from core.consent import agreement
from core.cycle import cycles, rounds
from core.errors import Refusal
from core.groups import Group, Member
from core.membership import joining_late, leaving
from core.messages import SMS, TELEGRAM, Message
from core.money import Money
from core.operator import gateways
from core.people import Person
from core.rules import Rhythm, Rules
from core.talking.asks import (
    Contribution,
    Given,
    GroupName,
    GroupOfCode,
    HowManyLots,
    HowOften,
    Phone,
    PotSaid,
    ShareOfLot,
    Sure,
    TheirName,
    WhichGroup,
    WhichLanguage,
)
from core.talking.command import command
from core.talking.describing import rhythm_words, rule_lines
from core.talking.talk import Talk
from core.telling import invitations, notices, outbox
from core.telling.outbox import Said


def share_words(share: Fraction) -> Message:
    """``1 lot``, ``2 lots``, ``3/10 lot``."""
    if share == 0:
        return say.NO_LOT()
    return say.ONE_LOT(count=int(share)) if share.denominator == 1 else say.PART_OF_LOT(share=str(share))


async def _stranger(talk: Talk, given: Given) -> bool:
    return talk.person is None or talk.person.consented_at is None


async def _ask_consent(talk: Talk, given: Given) -> Message:
    return say.CONSENT_FOUND()


async def _ask_consent_to_join(talk: Talk, given: Given) -> Message:
    group: Group = given["group"]
    rules = group.rule_set
    facts = {
        "group": group.name,
        "amount": group.money(rules.contribution_minor),
        "rhythm": rhythm_words(rules.rhythm),
        "lots": rules.lots,
        "rounds": rules.rounds,
        "pot": group.money(rules.pot_minor),
    }
    lines = rule_lines(group, rules)
    return say.CONSENT_JOIN_RULES(**facts, lines=lines) if lines else say.CONSENT_JOIN(**facts)


async def the_person(talk: Talk, name: str, language: str) -> Person:
    """The speaker, made a person when this is the first time; who has just agreed to the question of it."""
    if talk.person is None:
        talk.person = await people.register(talk.tx, talk.address, name=name, language=language)
        talk.tx.actor = f"person:{talk.person.id}"
        talk.language = language
    if talk.person.consented_at is None:
        await agreement.give(talk.tx, talk.person, talk.address, language=talk.language)
    return talk.person


@command("NEW", about=say.ABOUT_NEW)
async def new(
    talk: Talk,
    called: Annotated[str, GroupName()],
    contribution: Annotated[Money, Contribution()],
    lots: Annotated[int, HowManyLots()],
    rhythm: Annotated[Rhythm, HowOften()],
    pot: Annotated[Money | None, PotSaid()],
    name: Annotated[str, TheirName()],
    language: Annotated[str, WhichLanguage()],
    agreed: Annotated[bool, Sure(_ask_consent, wanted=_stranger)],
) -> Message:
    """Founds an equb; who founds it is its organiser and holds the first lot."""
    rules = Rules(contribution_minor=contribution.minor, lots=lots, rhythm=rhythm)
    who = await the_person(talk, name, language)
    group = await groups.found(
        talk.tx,
        who,
        name=called,
        currency=contribution.currency,
        rules=rules,
        pot_minor=pot.minor if pot else None,
    )
    who.last_group_id = group.group_id
    talk.group = group
    return say.FOUNDED(
        group=group.name,
        amount=contribution,
        rhythm=rhythm_words(rhythm),
        lots=lots,
        rounds=rules.rounds,
        pot=group.money(rules.pot_minor),
        code=group.code,
    )


async def _comes_late(talk: Talk, given: Given) -> bool:
    """Whether a running cycle may still be joined, by somebody who holds nothing in it."""
    group: Group = given["group"]
    if group.status != "running" or group.rule_set.late_joiners == "no":
        return False
    known = await groups.membership(talk.tx, group.group_id, talk.person.id) if talk.person else None
    return known is None or not await groups.holdings(talk.tx, group, member_id=known.id)


async def _ask_late(talk: Talk, given: Given) -> Message:
    group: Group = given["group"]
    comes_to = await joining_late.terms(talk.tx, group)
    kind = say.ASK_LATE_BACK_PAY if comes_to.place == "full" else say.ASK_LATE_SHORT
    return kind(
        group=group.name,
        amount=group.money(comes_to.now_minor),
        rounds=comes_to.rounds_to_pay,
        pot=group.money(comes_to.pot_minor),
    )


async def _join_late(talk: Talk, group: Group, who: Person, share: Fraction | None) -> Message:
    if share not in (None, Fraction(1)):
        raise Refusal("late.whole_lot")
    known = await groups.membership(talk.tx, group.group_id, who.id)
    member = await groups.enrol(talk.tx, group, who)
    talk.forget_groups()
    who.last_group_id = group.group_id
    await talk.tx.session.flush()
    await joining_late.ask(talk.tx, group, member, new=known is None or known.status == "left")
    return say.LATE_ASKED(group=group.name)


@command("JOIN", about=say.ABOUT_JOIN)
async def join(
    talk: Talk,
    group: Annotated[Group, GroupOfCode()],
    share: Annotated[Fraction | None, ShareOfLot()],
    name: Annotated[str, TheirName()],
    language: Annotated[str, WhichLanguage()],
    agreed: Annotated[bool, Sure(_ask_consent_to_join, wanted=_stranger)],
    late: Annotated[bool, Sure(_ask_late, wanted=_comes_late)],
) -> Message:
    """Joins with a share of a lot, or changes the share while the group forms; late, where the rules let them."""
    who = await the_person(talk, name, language)
    known = await groups.membership(talk.tx, group.group_id, who.id)
    talk.group = group
    if known is not None and known.status != "left" and share is None and group.status != "running":
        return await _already_in(talk, group, known)
    if await _comes_late(talk, {"group": group}):
        return await _join_late(talk, group, who, share)
    if known is not None and known.status != "left" and share is None:
        return await _already_in(talk, group, known)
    member = await groups.join(talk.tx, group, who, share=Fraction(1) if share is None else share)
    talk.forget_groups()
    who.last_group_id = group.group_id
    await talk.tx.session.flush()
    if known is None:
        talk.can_undo("join", group=group.group_id, member=member.id)
    await _tell_officers(talk, group, member, who)
    return await _joined(talk, group, member)


async def _held(talk: Talk, group: Group, member: Member) -> tuple[Fraction, str]:
    held = await groups.holdings(talk.tx, group, member_id=member.id)
    return sum((h.share for h in held), Fraction(0)), ", ".join(str(h.lot_number) for h in held)


async def _already_in(talk: Talk, group: Group, member: Member) -> Message:
    share, lots = await _held(talk, group, member)
    if not share:
        return say.JOINED_WITHOUT(number=member.number, group=group.name)
    return say.ALREADY_IN(group=group.name, number=member.number, share=share_words(share), lots=lots)


async def _joined(talk: Talk, group: Group, member: Member) -> Message:
    share, lots = await _held(talk, group, member)
    if not share:
        return say.JOINED_WITHOUT(number=member.number, group=group.name)
    rules = group.rule_set
    return say.JOINED(
        number=member.number,
        group=group.name,
        share=share_words(share),
        lots=lots,
        amount=group.money(int(rules.contribution_minor * share)),
        rhythm=rhythm_words(rules.rhythm),
    )


async def _tell_officers(talk: Talk, group: Group, member: Member, who: Person) -> None:
    share, _ = await _held(talk, group, member)
    taken = await groups.lots_taken(talk.tx, group)
    full = taken == group.rule_set.lots and not await cycles.incomplete_lots(talk.tx, group)
    message = say.SOMEBODY_JOINED(
        name=who.name, group=group.name, share=share_words(share), taken=taken, lots=group.rule_set.lots
    )
    event = f"joined:{member.id}:{talk.tx.now.isoformat()}"
    await notices.tell_officers(talk.tx, group, "begin", message, event=event, besides=[who.id])
    if full:
        ready = say.ALL_IN(group=group.name, lots=taken)
        await notices.tell_officers(talk.tx, group, "begin", ready, event=f"{event}:full")


async def _runs(talk: Talk, given: Given) -> bool:
    return bool(given["group"].status == "running")


async def _ask_leave(talk: Talk, given: Given) -> Message:
    group: Group = given["group"]
    comes_to = await leaving.terms(talk.tx, group, await talk.membership(group))
    return say.ASK_LEAVE(group=group.name, paid=group.money(comes_to.paid_minor), fee=group.money(comes_to.fee_minor))


@command("LEAVE", about=say.ABOUT_LEAVE)
async def leave(
    talk: Talk,
    group: Annotated[Group, WhichGroup(statuses=("forming", "running"))],
    sure: Annotated[bool, Sure(_ask_leave, wanted=_runs)],
) -> Message:
    """Leaves: at once a group that forms, a running one when an officer agrees and before receiving."""
    member = await talk.membership(group)
    if group.status == "running":
        talk.group = group
        await leaving.ask(talk.tx, group, member)
        return say.LEAVE_ASKED(group=group.name)
    await groups.leave(talk.tx, group, member)
    talk.forget_groups()
    return say.UNDONE_JOIN(group=group.name)


@command("INVITE", about=say.ABOUT_INVITE)
async def invite(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="invite", statuses=("forming", "closed"))],
    phone: Annotated[str, Phone()],
) -> Message:
    """How others join; with a phone number, one invitation by SMS to it."""
    await talk.officer(group, "invite")
    talk.group = group
    # Who invites after a cycle has ended begins to form the next one.
    await groups.reopen(talk.tx, group)
    if phone:
        return await _invite_phone(talk, group, phone)
    links = {g.channel: g for g in await gateways.all_gateways(talk.tx) if g.preferred}
    bot, sms = links.get(TELEGRAM), links.get(SMS)
    link = f"https://t.me/{bot.sender}?start={group.code}" if bot and bot.sender else ""
    if not link and sms is not None:
        return say.INVITE_NO_BOT(group=group.name, code=group.code, number=sms.sender)
    if sms is None:
        return say.INVITE_NO_SMS(group=group.name, code=group.code, link=link)
    return say.INVITE(group=group.name, code=group.code, number=sms.sender, link=link)


async def _invite_phone(talk: Talk, group: Group, phone: str) -> Message:
    address = await people.address_of(
        talk.tx, channel=SMS, gateway=await people.preferred_gateway(talk.tx, SMS), value=phone
    )
    await invitations.by_officer(talk.tx, group, address, kind="join")
    rules = group.rule_set
    message = say.INVITATION(
        name=talk.me.name,
        group=group.name,
        amount=group.money(rules.contribution_minor),
        rhythm=rhythm_words(rules.rhythm),
        code=group.code,
    )
    said = Said(address, message, address.language or talk.language, talk.tx.now)
    event = f"invitation:{group.group_id}"
    await outbox.tell_addresses(talk.tx, [said], event=event, timezone=talk.tenant.timezone, group_id=group.group_id)
    return say.INVITED(phone=phones.masked(phone), group=group.name)


async def _not_full(talk: Talk, given: Given) -> bool:
    group: Group = given["group"]
    return await cycles.ready_to_begin(talk.tx, group) < group.rule_set.lots


async def _ask_begin(talk: Talk, given: Given) -> Message:
    group: Group = given["group"]
    taken = await cycles.ready_to_begin(talk.tx, group)
    rules = group.rule_set.model_copy(update={"lots": taken})
    return say.ASK_BEGIN(group=group.name, taken=taken, lots=group.rule_set.lots, pot=group.money(rules.pot_minor))


@command("BEGIN", about=say.ABOUT_BEGIN)
async def begin(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="begin", statuses=("forming", "closed"))],
    sure: Annotated[bool, Sure(_ask_begin, wanted=_not_full)],
) -> Message:
    """Fixes members, lots and rules, and starts round 1. Asks first when lots are still free."""
    await talk.officer(group, "begin")
    cycle = await cycles.begin(talk.tx, group, timezone=talk.tenant.timezone)
    first = await rounds.round_by_number(talk.tx, group, 1)
    if first is None:
        raise RuntimeError("a cycle has no first round")
    talk.group = group
    rules = cycle.rule_set
    return say.BEGUN(group=group.name, lots=rules.lots, rounds=rules.rounds, due=first.due_at)
