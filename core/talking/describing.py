"""Rules in words: the same data, as sentences that every language has. Nobody types a rule twice."""

from collections.abc import Sequence
from datetime import time

from core import sentences as say
from core.groups import Group
from core.messages import MONTHS, Kind, Message
from core.rules import Deduction, Fine, Order, Pause, Rhythm, Rules


def rhythm_words(rhythm: Rhythm) -> Message:
    """``every week``, ``every 5 days``, ``every month on the last Saturday``."""
    often = _how_often(rhythm)
    if rhythm.weekday is None:
        if rhythm.day is None:
            return often
        kind = say.ON_ETHIOPIAN_DAY if rhythm.calendar == "ethiopian" else say.ON_DAY
        return kind(rhythm=often, day=str(rhythm.day))
    day = say.WEEKDAYS[rhythm.weekday - 1]()
    if rhythm.nth is None:
        return say.ON_WEEKDAY(rhythm=often, day=day)
    return say.ON_LAST(rhythm=often, day=day) if rhythm.nth < 0 else say.ON_NTH(rhythm=often, nth=rhythm.nth, day=day)


def _how_often(rhythm: Rhythm) -> Message:
    match rhythm.kind:
        case "days":
            return say.EVERY_DAYS(count=rhythm.every)
        case "daily":
            return say.DAILY() if rhythm.every == 1 else say.EVERY_DAYS(count=rhythm.every)
        case "weekly":
            return say.WEEKLY() if rhythm.every == 1 else say.EVERY_WEEKS(count=rhythm.every)
        case "monthly":
            return say.MONTHLY() if rhythm.every == 1 else say.EVERY_MONTHS(count=rhythm.every)


def percent(per_mille: int) -> str:
    """50 → ``5``, 25 → ``2.5``."""
    whole, tenths = divmod(per_mille, 10)
    return f"{whole}.{tenths}" if tenths else str(whole)


def rule_lines(group: Group, rules: Rules) -> list[Message]:
    """A sentence for each rule that a group has chosen beside contribution, lots, rhythm and the fee from the pot."""
    return [
        *_order_lines(group, rules),
        *_fee_lines(group, rules),
        *_fine_lines(group, rules.fine),
        *(_deduction_line(group, one) for one in rules.deductions),
        *_pot_lines(rules),
        *_people_lines(rules),
        *_day_lines(rules),
    ]


def _order_lines(group: Group, rules: Rules) -> list[Message]:
    lines = [] if rules.order == "drawn" else [_order(group, rules, rules.order)]
    if rules.first_to_organiser:
        lines.append(say.RULE_FIRST_POT())
    for stage in sorted(rules.later_orders, key=lambda stage: stage.from_round):
        lines.append(say.RULE_FROM_ROUND(round=stage.from_round, what=_order(group, rules, stage.order)))
    if "auction" in rules.orders:
        lines.append(say.RULE_AUCTION_CAP(percent=percent(rules.auction.most_per_mille)))
        lines.append(say.RULE_DIVIDEND() if rules.auction.share == "dividend" else say.RULE_SET_OFF())
    return lines


def _order(group: Group, rules: Rules, order: Order) -> Message:
    match order:
        case "drawn":
            return say.RULE_DRAWN()
        case "drawn_once":
            return say.RULE_ORDER_ONCE()
        case "fixed":
            return say.RULE_ORDER_FIXED()
        case "need":
            return say.RULE_ORDER_NEED()
        case "auction":
            if rules.auction.form == "sealed":
                return say.RULE_ORDER_SEALED()
            return say.RULE_ORDER_OPEN(amount=group.money(rules.auction.step_minor))


def _fee_lines(group: Group, rules: Rules) -> list[Message]:
    if rules.fee.kind == "none" or rules.fee.collect == "pot":
        return []
    kind = say.RULE_FEE_BEGIN if rules.fee.collect == "begin" else say.RULE_FEE_ROUND
    return [kind(amount=group.money(rules.whole_fee_minor))]


def _fine_lines(group: Group, fine: Fine) -> list[Message]:
    if fine.kind == "none":
        return []
    in_money = {"flat": say.FINE_FLAT, "daily": say.FINE_DAILY}
    in_parts = {"per_mille": say.FINE_PART, "daily_per_mille": say.FINE_DAILY_PART}
    how_much = (
        in_money[fine.kind](amount=group.money(fine.value))
        if fine.kind in in_money
        else in_parts[fine.kind](percent=percent(fine.value))
    )
    per = say.FINE_PER_DUE() if fine.per == "due" else say.FINE_PER_MEMBER()
    to = {"fund": say.TO_FUND, "organiser": say.TO_ORGANISER, "charity": say.TO_CHARITY, "members": say.TO_MEMBERS}
    facts = {"fine": how_much, "per": per, "to": to[fine.to]()}
    lines = [
        say.RULE_FINE_GRACE(count=fine.grace_hours, **facts) if fine.grace_hours else say.RULE_FINE(**facts),
    ]
    if fine.most_minor:
        lines.append(say.RULE_FINE_MOST(amount=group.money(fine.most_minor)))
    return lines


def _deduction_line(group: Group, one: Deduction) -> Message:
    what = say.AMOUNT(amount=group.money(one.value)) if one.kind == "flat" else say.PERCENT(percent=percent(one.value))
    kind = say.RULE_DEDUCTION_FIRST if one.rounds == "first" else say.RULE_DEDUCTION
    return kind(what=what, fund=one.name)


def _pot_lines(rules: Rules) -> list[Message]:
    short = {"wait": say.RULE_WAIT, "reserve": say.RULE_RESERVE, "guarantor": say.RULE_ASK_GUARANTORS}
    lines = []
    if rules.netting:
        lines.append(say.RULE_NETTING())
    if rules.shortfall in short:
        lines.append(short[rules.shortfall]())
    if rules.loan_per_mille:
        lines.append(say.RULE_LOANS(percent=percent(rules.loan_per_mille)))
    if rules.thing:
        lines.append(say.RULE_THING(thing=rules.thing))
    if rules.payout_approval:
        lines.append(say.RULE_APPROVAL())
    return lines


def _people_lines(rules: Rules) -> list[Message]:
    lines = []
    if rules.guarantors:
        lines.append(say.RULE_GUARANTORS(count=rules.guarantors))
    if rules.late_joiners != "no":
        lines.append(say.RULE_BACK_PAY() if rules.late_joiners == "back_pay" else say.RULE_SHORT_PLACE())
    if rules.leaving.fee_per_mille:
        lines.append(say.RULE_LEAVING(percent=percent(rules.leaving.fee_per_mille)))
    if rules.old_debts != "ask":
        lines.append(say.RULE_DEBTS_BAR() if rules.old_debts == "bar" else say.RULE_DEBTS_SET_OFF())
    if rules.closing == "share":
        lines.append(say.RULE_CLOSING_SHARE())
    if rules.rule_change == "vote":
        lines.append(say.RULE_VOTE(percent=percent(rules.vote_per_mille)))
    return lines


def _day_lines(rules: Rules) -> Sequence[Message]:
    lines: list[Message] = []
    if rules.due_hour is not None:
        lines.append(say.RULE_HOUR(at=time(rules.due_hour)))
    if rules.grace_hours:
        lines.append(say.RULE_GRACE(count=rules.grace_hours))
    if rules.holidays.country:
        lines.append(say.RULE_HOLIDAYS_BEFORE() if rules.holidays.move == "before" else say.RULE_HOLIDAYS_AFTER())
    lines += [_pause_line(pause) for pause in rules.pauses]
    if rules.remind_hours != Rules.model_fields["remind_hours"].get_default():
        lines.append(say.RULE_REMIND(count=rules.remind_hours) if rules.remind_hours else say.RULE_NO_REMINDER())
    return lines


def _pause_line(pause: Pause) -> Message:
    if pause.kind == "days":
        return say.RULE_PAUSE_DAYS(on=pause.from_on, until=pause.to_on)
    when = say.FASTS[pause.fast]() if pause.fast else Message(MONTHS[(pause.month or 1) - 1])
    return say.RULE_PAUSE_EACH_YEAR(fast=when)


_WAYS: dict[str, Kind] = {"in_kind": say.IN_KIND_WAY, "bank": say.BANK_WAY, "wallet": say.MOBILE_WAY}


def method_word(method: str) -> Message | str:
    """In which way money went, if not in cash, in the reader's words; a provider by its own name (``telebirr``)."""
    return _WAYS[method]() if method in _WAYS else method
