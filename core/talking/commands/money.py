"""Money beside contributions and pots: FINE, LOAN, SPEND, taking back, and the answer of who may let a debt be kept."""

from typing import Annotated, Any
from uuid import UUID

from core import groups, lexicon, payouts
from core import sentences as say
from core.cycle import agenda
from core.cycle.rounds import Due
from core.errors import NotFound, Refusal
from core.groups import Group, Seat
from core.membership import excusing
from core.messages import MOST_CHOICES, Choice, Kind, Message
from core.money import Money
from core.talking.asks import MISSING, Ask, Found, Given, HowMuch, Sure, WhichGroup, WhichMember, YesOrNo
from core.talking.command import command
from core.talking.commands.anyone import undoes
from core.talking.commands.slots import Saying
from core.talking.talk import Talk
from core.talking.understanding import number
from core.telling import money_notices
from core.treasury import fines, funds, loans, taking_back
from core.treasury.loans import Loan


class Sum(HowMuch):
    """An amount that nobody owes yet."""

    def __init__(self, asked: Kind) -> None:
        super().__init__()
        self.asked = asked

    async def question(self, talk: Talk, given: Given) -> Message:
        return self.asked()


class HowManyParts(Ask):
    """In how many parts a loan is repaid."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        count = number(words[0]) if words else None
        if count is None:
            return None
        rest = words[1:]
        return count, rest[1:] if rest and lexicon.is_a(rest[0], "words", "part") else rest

    async def question(self, talk: Talk, given: Given) -> Message:
        most = (await loans.offer(talk.tx, given["group"])).most_parts
        return say.ASK_PARTS(most=most)

    async def load(self, talk: Talk, text: str) -> int:
        return int(text)


class WhichFund(Ask):
    """One of the group's funds by name."""

    async def find(self, talk: Talk, given: Given, words: list[str]) -> Found:
        group = given.get("group")
        return (await funds.called(talk.tx, group, words[0]), words[1:]) if group and words else None

    async def known(self, talk: Talk, given: Given) -> Any:
        some = await funds.of_group(talk.tx, given["group"])
        if not some:
            raise Refusal("fund.none", group=given["group"].name)
        return next(iter(some)) if len(some) == 1 else MISSING

    async def question(self, talk: Talk, given: Given) -> Message:
        group: Group = given["group"]
        some = sorted((await funds.of_group(talk.tx, group)).items())[:MOST_CHOICES]
        labels = [(say.FUND_LABEL(fund=name, amount=group.money(held)), name) for name, held in some]
        return say.WHICH_FUND().offering(*(Choice(label, name) for label, name in labels))

    async def answer(self, talk: Talk, given: Given, text: str) -> str:
        return await funds.called(talk.tx, given["group"], text)


@command("FINE", about=say.ABOUT_FINE, office=True)
async def fine(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="fine", statuses=("running",))],
    member: Annotated[Seat, WhichMember()],
    amount: Annotated[Money, Sum(say.ASK_FINE)],
    reason: Annotated[str, Saying(say.ASK_REASON)],
) -> Message:
    """An officer fines a member, who is told what for."""
    await talk.officer(group, "fine")
    talk.group = group
    why = excusing.tidy_reason(reason)
    due = await fines.impose(talk.tx, group, member.member, amount_minor=amount.minor, reason=why)
    await money_notices.fine_imposed(talk.tx, group, member, due, besides=talk.me.id)
    talk.can_undo("fine", group=group.group_id, due=due.id)
    return say.FINE_RECORDED(amount=amount, name=member.person.name, group=group.name)


@undoes("fine")
async def _undo_fine(talk: Talk, what: dict[str, UUID]) -> Message:
    group = await groups.by_id(talk.tx, what["group"])
    await talk.officer(group, "fine")
    due = await talk.tx.session.get(Due, (group.group_id, what["due"]))
    if due is None:
        raise NotFound("fine.unknown")
    await excusing.excuse_due(talk.tx, group, due.id, reason=due.reason or "")
    who = await groups.seat(talk.tx, group.group_id, due.member_id)
    if who.person.id != talk.me.id:
        await money_notices.fine_excused(talk.tx, group, who, due)
    await agenda.look_again(talk.tx, group)
    return say.UNDONE_FINE(amount=group.money(due.amount_minor), name=who.person.name)


async def _ask_loan(talk: Talk, given: Given) -> Message:
    group, seat, amount, parts = given["group"], given["member"], given["amount"], given["parts"]
    found = await loans.check(talk.tx, group, seat.member, amount_minor=amount.minor, parts=parts)
    return say.SURE_LOAN(amount=amount, name=seat.person.name, group=group.name, round=found.round.number, count=parts)


@command("LOAN", about=say.ABOUT_LOAN, office=True)
async def loan(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="lend", statuses=("running",))],
    member: Annotated[Seat, WhichMember()],
    amount: Annotated[Money, Sum(say.ASK_LOAN)],
    parts: Annotated[int, HowManyParts()],
    sure: Annotated[bool, Sure(_ask_loan)],
) -> Message:
    """An officer lends a member a part of the pot that waits; its holders are asked first."""
    officer = await talk.officer(group, "lend")
    talk.group = group
    made = await loans.propose(talk.tx, group, officer, member, amount_minor=amount.minor, parts=parts)
    if isinstance(made, Loan):
        return say.LOAN_GIVEN(amount=amount, name=member.person.name, group=group.name)
    return say.LOAN_ASKED(amount=amount, name=member.person.name, group=group.name)


async def _ask_spend(talk: Talk, given: Given) -> Message:
    return say.SURE_SPEND(amount=given["amount"], fund=given["fund"], reason=given["reason"], group=given["group"].name)


@command("SPEND", about=say.ABOUT_SPEND, office=True)
async def spend(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="spend")],
    fund: Annotated[str, WhichFund()],
    amount: Annotated[Money, Sum(say.ASK_SPEND)],
    reason: Annotated[str, Saying(say.ASK_WHAT_FOR)],
    sure: Annotated[bool, Sure(_ask_spend)],
) -> Message:
    """An officer wants to spend of a fund; another officer, or two members, must agree."""
    officer = await talk.officer(group, "spend")
    talk.group = group
    why = excusing.tidy_reason(reason)
    await funds.propose_spending(talk.tx, group, officer, fund=fund, amount_minor=amount.minor, reason=why)
    return say.SPEND_ASKED(amount=amount, fund=fund, group=group.name)


async def _ask_loan_back(talk: Talk, given: Given) -> Message:
    group, seat = given["group"], given["member"]
    loan = await taking_back.loan_of(talk.tx, group, seat.member)
    await taking_back.check_loan(talk.tx, group, loan)
    amount = group.money(loan.amount_minor)
    return say.SURE_LOAN_BACK(amount=amount, name=seat.person.name, group=group.name, reason=given["reason"])


@command("UNLOAN", about=say.ABOUT_UNLOAN, office=True)
async def unloan(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="lend", statuses=("running",))],
    member: Annotated[Seat, WhichMember()],
    reason: Annotated[str, Saying(say.ASK_REASON)],
    sure: Annotated[bool, Sure(_ask_loan_back)],
) -> Message:
    """An officer takes a member's newest loan back, if nothing of it is repaid and the member agrees."""
    officer = await talk.officer(group, "lend")
    talk.group = group
    loan = await taking_back.loan_of(talk.tx, group, member.member)
    await taking_back.propose_loan(talk.tx, group, officer, loan, reason=excusing.tidy_reason(reason))
    return say.LOAN_BACK_ASKED(group=group.name)


async def _ask_spend_back(talk: Talk, given: Given) -> Message:
    group: Group = given["group"]
    spent = await taking_back.spending(talk.tx, group, fund=given["fund"])
    return say.SURE_SPEND_BACK(
        amount=group.money(spent.amount_minor),
        fund=spent.fund,
        group=group.name,
        said=spent.reason,
        reason=given["reason"],
    )


@command("UNSPEND", about=say.ABOUT_UNSPEND, office=True)
async def unspend(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="spend")],
    fund: Annotated[str, WhichFund()],
    reason: Annotated[str, Saying(say.ASK_REASON)],
    sure: Annotated[bool, Sure(_ask_spend_back)],
) -> Message:
    """What was last spent of a fund goes back into it; another officer, or two members, must agree."""
    officer = await talk.officer(group, "spend")
    talk.group = group
    spent = await taking_back.spending(talk.tx, group, fund=fund)
    await taking_back.propose_spending(talk.tx, group, officer, spent, reason=excusing.tidy_reason(reason))
    return say.SPEND_BACK_ASKED(group=group.name)


@command("_KEEP")
async def keep(talk: Talk, group: Annotated[Group, WhichGroup()], answer: Annotated[bool, YesOrNo()]) -> Message:
    """Who is to receive says whether what they owe from before be kept of it."""
    member = await talk.membership(group)
    talk.group = group
    if not answer:
        return say.KEPT_NOTHING(group=group.name)
    held = await groups.member(talk.tx, group.group_id, member.id, lock=True)
    netted = await payouts.net_debts(talk.tx, group, held)
    if not netted:
        return say.NOTHING_TO_KEEP(group=group.name)
    await agenda.look_again(talk.tx, group, confirmed=True)
    return say.DEBT_KEPT(group=group.name, amount=group.money(sum(leg.amount_minor for leg in netted)))
