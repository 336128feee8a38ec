"""What the sheet ``book`` says: the equb's name, and the rules it has agreed on, each understood wholly or not at all.

A rule that has a word after SET is written as it is there, in any language: ``50 daily max 200`` for a fine.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from pydantic import ValidationError

from core import groups
from core import sentences as say
from core.errors import Refusal
from core.imports import values, words
from core.imports.book import Book
from core.imports.lines import Reading
from core.imports.values import USUAL_DUE_HOUR, Days
from core.imports.words import RuleWord
from core.rules import Rules
from core.talking import rule_words


def read(book: Book, readings: Sequence[Reading], today: date) -> Days:
    """Put name and rules into the book, where they can be read; how its days are meant."""
    said: dict[str, Any] = {}
    rows: list[tuple[Reading, RuleWord]] = []
    for reading in readings:
        what = reading.get("what", values.text)
        rule = words.rule_of(what) if what else None
        if what and rule is None:
            reading.line.warn("rule.unknown", "what", said=what[:60])
        if rule is not None:
            rows.append((reading, rule))
    # The currency first: the amounts are in it.
    for reading, rule in sorted(rows, key=lambda row: row[1].key != "currency"):
        if reading.cells.get("value") is None:
            continue
        if rule.key in said and not rule.set_word:
            reading.line.error("rule.twice", "what", name=rule.names[0])
            continue
        said[rule.key] = reading.get("value", rule.read, said.get("currency") or book.currency)
        reading.line.says("rule", what=rule.names[0], value=values.said(reading.cells["value"]))
    book.currency = said.get("currency") or book.currency
    book.cash_in_hand_minor = said.get("cash_in_hand")
    missing = [rule for rule in words.RULES if rule.required and rule.key not in said]
    for rule in missing if readings else ():
        book.sheet("book").error("rule.missing", name=rule.names[0])
    _name(book, said.get("name"))
    fields = {rule.field: said[rule.key] for rule in words.RULES if rule.field and said.get(rule.key) is not None}
    if not missing and all(said.get(rule.key) is not None for rule in words.RULES if rule.required):
        chosen = [(reading, rule) for reading, rule in rows if rule.set_word and reading.cells.get("value") is not None]
        _rule_set(book, fields, chosen, said.get("pot"), today)
    return Days(today, said.get("calendar"))


def _name(book: Book, said: str | None) -> None:
    if said is None:
        return
    try:
        book.name = groups.tidy_group_name(said)
    except Refusal as refusal:
        book.sheet("book").error(refusal.code, "value")


def _rule_set(
    book: Book,
    fields: dict[str, Any],
    chosen: Sequence[tuple[Reading, RuleWord]],
    pot_minor: int | None,
    today: date,
) -> None:
    try:
        rules = Rules(**{"due_hour": USUAL_DUE_HOUR, **fields})
        for reading, rule in chosen:
            rules = _set(book, rules, reading, rule, today)
        rules.check(currency=book.currency, pot_minor=pot_minor)
    except ValidationError as error:
        one = error.errors()[0]
        book.sheet("book").error("rules.malformed", "value", what=f"{one['loc'][-1]}: {one['msg']}"[:120])
        return
    except Refusal as refusal:
        book.sheet("book").error("rules.refused", "value", what=say.refusal(refusal.code, refusal.facts))
        return
    book.rules = rules


def _set(book: Book, rules: Rules, reading: Reading, rule: RuleWord, today: date) -> Rules:
    """The rules with one more, as it would be after SET; what cannot be read becomes a problem of its line."""
    typed = reading.get("value", values.text)
    if typed is None or rule.set_word is None:
        return rules
    try:
        return rule_words.changed(rules, [rule.set_word, *typed.split()], book.currency, today=today)
    except Refusal:
        example = rule.about.partition(";")[0].partition(",")[0]
        reading.line.error("rule.not_understood", "value", said=typed[:40], example=example)
        return rules
