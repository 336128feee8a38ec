"""What people type after SET: the name of a rule and its value, in any language (``core.lexicon``). Pure.

Every value is understood wholly or refused: a rule is never guessed from half of what was written.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from pydantic import ValidationError

from core import lexicon
from core.errors import Refusal
from core.money import Money
from core.rules import (
    TEMPLATES,
    Auction,
    Deduction,
    Fee,
    Fine,
    Holidays,
    Leaving,
    Pause,
    Rhythm,
    Rules,
    Stage,
    well_formed,
)
from core.talking.understanding import amount, day, fold, hour, number, rhythm
from core.talking.understanding.dates import WEEKDAYS

_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d))?\s*%", re.ASCII)


def changed(rules: Rules, words: Sequence[str], currency: str, *, today: date) -> Rules:
    """The rules with what was typed after SET. Raises ``Refusal("rule.not_understood")`` or ``amount.…``.

    ``today``: from where days without a year, or of either calendar, are understood.
    """
    typed = " ".join(words)
    name = lexicon.meaning("rules", words[0]) if words else None
    if name is None or len(words) < 2:
        raise _lost(typed)
    try:
        if name == "pause":
            chosen = _pause(rules, list(words[1:]), today)
        else:
            chosen = _READ[name](rules, list(words[1:]), currency)
        # Checked as a whole once more: a copy of frozen parts is not.
        return Rules.model_validate(rules.model_dump() | chosen)
    except (ValidationError, ValueError, KeyError, IndexError, StopIteration):
        raise _lost(typed) from None


def _lost(typed: str) -> Refusal:
    return Refusal("rule.not_understood", typed=typed[:40])


def _dump(part: Any) -> Any:
    return part.model_dump()


def _per_mille(word: str) -> int | None:
    found = _PERCENT.fullmatch(word.casefold())
    return int(found[1]) * 10 + int(found[2] or 0) if found else None


def _joined_percent(words: list[str]) -> list[str]:
    """``5 %`` and ``5 percent`` as one word."""
    out: list[str] = []
    for word in words:
        if out and (word == "%" or lexicon.is_a(word, "words", "percent")):
            out[-1] += "%"
        else:
            out.append(word)
    # Also glued, or before its number: 5percent, በመቶ 5.
    for i, word in enumerate(out):
        glued = re.fullmatch(r"([\d.]+)([^\W\d]+)", word)
        if glued and lexicon.is_a(glued[2], "words", "percent"):
            out[i] = f"{glued[1]}%"
        elif i + 1 < len(out) and lexicon.is_a(word, "words", "percent") and re.fullmatch(r"[\d.]+", out[i + 1]):
            out[i : i + 2] = [f"{out[i + 1]}%"]
    return out


def _minor(words: list[str], currency: str) -> int:
    found: tuple[Money, list[str]] | None = amount(words, currency)
    if found is None or found[1]:
        raise ValueError("no amount")
    return found[0].minor


def _count(words: list[str]) -> int:
    if len(words) != 1 or (count := number(words[0])) is None:
        raise ValueError("no number")
    return count


def _hour(words: list[str]) -> int:
    at = hour(words)
    if at is None or at.minute:
        raise ValueError("no whole hour")
    return at.hour


def _yes(words: list[str]) -> bool:
    said = lexicon.meaning("flags", " ".join(words))
    if said is not None:
        return said == "yes"
    raise ValueError("neither yes nor no")


def _is_no(words: list[str]) -> bool:
    return lexicon.meaning("flags", " ".join(words)) == "no"


def _pull(words: list[str], name: str) -> str | None:
    """The word after the name, both taken out of ``words``."""
    for i, word in enumerate(words[:-1]):
        if lexicon.is_a(word, "words", name):
            value = words[i + 1]
            del words[i : i + 2]
            return value
    return None


def _flag(words: list[str], name: str) -> bool:
    for i, word in enumerate(words):
        if lexicon.is_a(word, "words", name):
            del words[i]
            return True
    return False


def _fee(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"fee": _dump(Fee())}
    words = _joined_percent(words)
    begin, each = _flag(words, "begin"), _flag(words, "round")
    collect = "begin" if begin else "round" if each else "pot"
    if _flag(words, "instalments"):
        return {"fee": {"kind": "instalments", "value": _count(words), "collect": collect}}
    part = _per_mille(words[0]) if len(words) == 1 else None
    kind, value = ("per_mille", part) if part is not None else ("flat", _minor(words, currency))
    return {"fee": {"kind": kind, "value": value, "collect": collect}}


def _fine(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"fine": _dump(Fine())}
    words = _joined_percent(words)
    most, grace, to = _pull(words, "max"), _pull(words, "grace"), _pull(words, "to")
    daily = _flag(words, "daily")
    per = "due" if _flag(words, "lot") else "member"
    part = _per_mille(words[0]) if len(words) == 1 else None
    chosen: dict[str, Any] = {
        "kind": ("daily" if daily else "flat") if part is None else ("daily_per_mille" if daily else "per_mille"),
        "value": _minor(words, currency) if part is None else part,
        "per": per,
        "to": _known("destinations", to) if to else "fund",
        "grace_hours": _count([grace]) if grace else 0,
        "most_minor": _minor([most], currency) if most else 0,
    }
    return {"fine": chosen}


def _order(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    start = _pull(words, "from")
    order = _known("orders", " ".join(words))
    if start is None:
        return {"order": order, "later_orders": ()}
    stage = Stage(from_round=_count([start]), order=order)
    others = [one for one in rules.later_orders if one.from_round != stage.from_round]
    return {"later_orders": [_dump(one) for one in (*others, stage)]}


def _auction(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    words = _joined_percent(words)
    chosen = rules.auction.model_dump()
    if (step := _pull(words, "step")) is not None:
        chosen["step_minor"] = _minor([step], currency)
    if (most := _pull(words, "max")) is not None:
        chosen["most_per_mille"] = _per_mille(most)
    for form in ("open", "sealed"):
        if _flag(words, form):
            chosen["form"] = form
    if _flag(words, "dividend"):
        chosen["share"] = "dividend"
    if _flag(words, "setoff"):
        chosen["share"] = "set_off"
    if words:
        raise ValueError("more than an auction's rules")
    return {"order": "auction", "auction": _dump(Auction.model_validate(chosen))}


def _day(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    found = rhythm(words)
    base, words = found if found is not None else (rules.rhythm, words)
    if not words:
        return {"rhythm": _dump(base)}
    ethiopian = _flag(words, "ethiopian")
    last = _flag(words, "last")
    weekday = next((n for word in words if (n := _weekday(word))), None)
    if weekday is not None:
        words = [word for word in words if not _weekday(word)]
        nth = -1 if last else _count(words) if words else None
        kind = "monthly" if nth is not None else "weekly"
        every = base.every if base.kind == kind else 1
        chosen = {"kind": kind, "every": every, "weekday": weekday, "nth": nth}
    else:
        chosen = {"kind": "monthly", "every": base.every if base.kind == "monthly" else 1, "day": _count(words)}
    if ethiopian:
        chosen["calendar"] = "ethiopian"
    return {"rhythm": _dump(Rhythm.model_validate(chosen))}


def _weekday(word: str) -> int | None:
    """Tuesday, tue, ማክሰኞ → 2, where Monday is 1."""
    said = fold(word)
    table = lexicon.table("weekdays")
    meant = {day for name, day in table.items() if said == name or (len(said) >= 3 and name.startswith(said))}
    return WEEKDAYS.index(meant.pop()) + 1 if len(meant) == 1 else None


def _known(section: str, typed: str) -> str:
    """What a word means in a section. Raises ``KeyError``."""
    return lexicon.table(section)[fold(typed)]


def _deduct(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    words = _joined_percent(words)
    first = _flag(words, "first")
    name = words.pop(0).casefold()
    others = [_dump(one) for one in rules.deductions if one.name != name]
    if _is_no(words):
        return {"deductions": others}
    part = _per_mille(words[0]) if len(words) == 1 else None
    one = Deduction.model_validate(
        {
            "name": name,
            "kind": "flat" if part is None else "per_mille",
            "value": _minor(words, currency) if part is None else part,
            "rounds": "first" if first else "all",
        }
    )
    return {"deductions": [*others, _dump(one)]}


def _pot(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    return {"shortfall": _known("shortfall", " ".join(words))}


def _holidays(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"holidays": _dump(Holidays())}
    move = "before" if _flag(words, "before") else "after"
    _flag(words, "after")
    return {"holidays": {"country": " ".join(words).upper(), "move": move}}


def _pause(rules: Rules, words: list[str], today: date) -> dict[str, Any]:
    """One more of them, or none: from one day to another, a month of each year, or a fast."""
    if _is_no(words):
        return {"pauses": ()}
    typed = " ".join(words)
    fast, month = lexicon.meaning("fasts", typed), lexicon.meaning("ethiopian_months", typed)
    one: dict[str, Any] = {"kind": "fast", "fast": fast}
    if fast is None and month is not None:
        one = {"kind": "month", "month": int(month)}
    elif fast is None:
        first, words = _a_day(words, today)
        joined = any(lexicon.is_a(words[0], "words", word) for word in ("until", "to"))
        last, words = _a_day(words[1:] if joined else words, today)
        if words:
            raise ValueError("more than two days")
        one = {"kind": "days", "from_on": first, "to_on": last}
    pause = Pause.model_validate(one)
    if not well_formed(pause):
        raise ValueError("no pause")
    return {"pauses": [_dump(each) for each in dict.fromkeys((*rules.pauses, pause))]}


def _a_day(words: list[str], today: date) -> tuple[date, list[str]]:
    found = day(words, today=today)
    if found is None:
        raise ValueError("no day")
    return found


def _meant(section: str, words: list[str]) -> str:
    found = lexicon.meaning(section, " ".join(words))
    if found is None:
        raise ValueError(f"none of {section}")
    return found


def _late(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"late_joiners": "no"}
    back = _flag(words, "back")
    if (words and not _flag(words, "short")) or (back and words):
        raise ValueError("neither back nor short")
    return {"late_joiners": "back_pay" if back else "short_place"}


def _leaving(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"leaving": _dump(Leaving())}
    return {"leaving": {"fee_per_mille": _part(words)}}


def _part(words: list[str]) -> int:
    words = _joined_percent(words)
    part = _per_mille(words[0]) if len(words) == 1 else None
    if part is None:
        raise ValueError("no percentage")
    return part


def _loan(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    return {"loan_per_mille": 0 if _is_no(words) else _part(words)}


def _vote(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"rule_change": "officers"}
    share = {} if lexicon.meaning("flags", " ".join(words)) == "yes" else {"vote_per_mille": _part(words)}
    return {"rule_change": "vote"} | share


def _like(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    chosen = TEMPLATES[_known("templates", " ".join(words).replace("_", " "))]
    return {name: _plain(value) for name, value in chosen.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_dump(one) for one in value]
    return _dump(value) if hasattr(value, "model_dump") else value


_READ: dict[str, Callable[[Rules, list[str], str], dict[str, Any]]] = {
    "fee": _fee,
    "fine": _fine,
    "order": _order,
    "auction": _auction,
    "day": _day,
    "deduct": _deduct,
    "pot": _pot,
    "holidays": _holidays,
    "late": _late,
    "leaving": _leaving,
    "loan": _loan,
    "vote": _vote,
    "like": _like,
    "debts": lambda rules, words, currency: {"old_debts": _meant("old_debts", words)},
    "closing": lambda rules, words, currency: {"closing": _meant("closing", words)},
    "first": lambda rules, words, currency: {"first_to_organiser": _yes(words)},
    "hour": lambda rules, words, currency: {"due_hour": _hour(words)},
    "grace": lambda rules, words, currency: {"grace_hours": _count(words)},
    "remind": lambda rules, words, currency: {"remind_hours": _count(words)},
    "netting": lambda rules, words, currency: {"netting": _yes(words)},
    "guarantors": lambda rules, words, currency: {"guarantors": _count(words)},
    "thing": lambda rules, words, currency: {"thing": "" if _is_no(words) else " ".join(words)},
    "approval": lambda rules, words, currency: {"payout_approval": _yes(words)},
    "lots": lambda rules, words, currency: {"lots": _count(words)},
    "drawn": lambda rules, words, currency: {"lots_per_round": _count(words)},
    "amount": lambda rules, words, currency: {"contribution_minor": _minor(words, currency)},
}
