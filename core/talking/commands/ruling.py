"""Choosing and changing rules: SET, and the answer to whoever is asked to accept them."""

from typing import Annotated
from zoneinfo import ZoneInfo

from core import groups
from core import sentences as say
from core.consent import rule_changes
from core.errors import Refusal
from core.groups import Group
from core.messages import Message
from core.rules import Rules
from core.talking import rule_words
from core.talking.asks import Given, KeptNumber, Sure, WhichGroup, Words, YesOrNo
from core.talking.command import command
from core.talking.describing import rhythm_words, rule_lines
from core.talking.talk import Talk
from core.telling import notices


async def _wanted(talk: Talk, given: Given) -> Rules:
    """The rules as they would be. Raises ``Refusal`` for what is not understood, does not add up or changes nothing."""
    group: Group = given["group"]
    present = await rule_changes.latest(talk.tx, group)
    today = talk.tx.now.astimezone(ZoneInfo(talk.tenant.timezone)).date()
    rules = rule_words.changed(present, given["typed"].split(), group.currency, today=today)
    rules.check(currency=group.currency)
    if rules == present:
        raise Refusal("rule.same")
    if group.status == "running" and rule_changes.fixed_now(group.rule_set, rules):
        raise Refusal("rule.next_cycle")
    return rules


async def _said_something(talk: Talk, given: Given) -> bool:
    return bool(given.get("typed"))


async def _ask(talk: Talk, given: Given) -> Message:
    group: Group = given["group"]
    rules = await _wanted(talk, given)
    lines = [
        say.RULES_IN_SHORT(
            amount=group.money(rules.contribution_minor),
            rhythm=rhythm_words(rules.rhythm),
            lots=rules.lots,
            pot=group.money(rules.pot_minor),
        ),
        *rule_lines(group, rules),
    ]
    return say.SURE_RULE(group=group.name, lines=lines)


@command("SET", about=say.ABOUT_SET, office=True)
async def set_(
    talk: Talk,
    group: Annotated[Group, WhichGroup(right="rules", leaves=2)],
    typed: Annotated[str, Words()],
    sure: Annotated[bool, Sure(_ask, wanted=_said_something)],
) -> Message:
    """Sets a rule while the equb forms, or proposes it for the rounds to come; what it will be is said back first."""
    member = await talk.officer(group, "rules")
    talk.group = group
    if not typed:
        return say.ASK_RULE()
    await groups.reopen(talk.tx, group)
    rules = await _wanted(talk, {"group": group, "typed": typed})
    match await rule_changes.change(talk.tx, group, member, rules):
        case "told":
            return say.RULE_SET_TOLD(group=group.name)
        case "asked":
            return say.RULE_ASKED()
        case "from":
            return say.RULE_FROM(group=group.name, round=await rule_changes.next_round(talk.tx, group) or 0)
        case _:
            return say.RULE_SET(group=group.name)


@command("_ACCEPT")
async def accept(
    talk: Talk,
    group: Annotated[Group, WhichGroup()],
    version: Annotated[int, KeptNumber()],
    answer: Annotated[bool, YesOrNo()],
) -> Message:
    """A member accepts the rules, or leaves an equb whose rules they do not accept."""
    talk.group = group
    member = await talk.membership(group)
    if group.rules_version != version or group.status != "forming":
        raise Refusal("proposal.settled")
    if answer:
        await groups.accept(talk.tx, group, member)
        return say.ACCEPTED(group=group.name)
    await groups.leave(talk.tx, group, member)
    talk.forget_groups()
    message = say.LEFT_OVER_RULES(group=group.name, name=talk.me.name)
    await notices.tell_officers(talk.tx, group, "rules", message, event=f"left:{member.id}:{talk.tx.now.isoformat()}")
    return say.UNDONE_JOIN(group=group.name)
