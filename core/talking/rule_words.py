"""What people type after SET: the name of a rule and its value, in English or Amharic. Pure.

Every value is understood wholly or refused: a rule is never guessed from half of what was written.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from core.errors import Refusal
from core.money import Money
from core.rules import ORDERS, TEMPLATES, Auction, Deduction, Fee, Fine, Holidays, Leaving, Rhythm, Rules, Stage
from core.talking.understanding import amount, fold, number, rhythm

_NAMES: dict[str, tuple[str, ...]] = {
    "fee": ("fee", "ክፍያ"),
    "fine": ("fine", "ቅጣት"),
    "order": ("order", "ተራ"),
    "auction": ("auction", "ጨረታ"),
    "first": ("first", "መጀመሪያ"),
    "day": ("day", "ቀን"),
    "hour": ("hour", "ሰዓት"),
    "grace": ("grace", "ትዕግስት"),
    "remind": ("remind", "ማሳሰቢያ"),
    "holidays": ("holidays", "holiday", "በዓል", "በዓላት"),
    "deduct": ("deduct", "ተቀናሽ"),
    "pot": ("pot", "የሚወሰደው"),
    "netting": ("netting", "ማቻቻል"),
    "guarantors": ("guarantors", "guarantor", "ዋስ"),
    "loan": ("loan", "loans", "ብድር"),
    "thing": ("thing", "ዕቃ"),
    "late": ("late", "ዘግይቶ"),
    "leaving": ("leaving", "leave", "መውጣት"),
    "approval": ("approval", "ማጽደቅ"),
    "vote": ("vote", "ድምጽ"),
    "lots": ("lots", "ዕጣ"),
    "drawn": ("drawn", "የሚወጣ"),
    "amount": ("amount", "መዋጮ"),
    "like": ("like", "እንደ"),
}
_BY_NAME = {fold(name): rule for rule, names in _NAMES.items() for name in names}

_YES, _NO = ("yes", "on", "1", "አዎ"), ("no", "off", "none", "0", "አይ", "የለም")
_WEEKDAYS = (
    ("monday", "ሰኞ"),
    ("tuesday", "ማክሰኞ"),
    ("wednesday", "ረቡዕ"),
    ("thursday", "ሐሙስ"),
    ("friday", "ዓርብ"),
    ("saturday", "ቅዳሜ"),
    ("sunday", "እሁድ"),
)
_ORDER_WORDS = {
    "drawn": ("drawn", "draw", "ዕጣ"),
    "drawn_once": ("once", "drawn_once", "አንዴ"),
    "fixed": ("fixed", "ቋሚ"),
    "need": ("need", "ችግር"),
    "auction": ("auction", "ጨረታ"),
}
_FUNDS = {
    "fund": ("fund", "ሳጥን"),
    "organiser": ("organiser", "ሰብሳቢ"),
    "charity": ("charity", "በጎ"),
    "members": ("members", "አባላት"),
}
_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d))?\s*(?:%|percent|በመቶ)", re.ASCII)


def changed(rules: Rules, words: Sequence[str], currency: str) -> Rules:
    """The rules with what was typed after SET. Raises ``Refusal("rule.not_understood")`` or ``amount.…``."""
    typed = " ".join(words)
    text = [fold(word) for word in words]
    name = _BY_NAME.get(text[0]) if text else None
    if name is None or len(text) < 2:
        raise _lost(typed)
    try:
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
        if out and word.casefold() in ("%", "percent", "በመቶ"):
            out[-1] += "%"
        else:
            out.append(word)
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


def _yes(words: list[str]) -> bool:
    said = fold(" ".join(words))
    if said in _YES or said in _NO:
        return said in _YES
    raise ValueError("neither yes nor no")


def _is_no(words: list[str]) -> bool:
    return fold(" ".join(words)) in _NO


def _pull(words: list[str], *names: str) -> str | None:
    """The word after one of the names, both taken out of ``words``."""
    for i, word in enumerate(words[:-1]):
        if fold(word) in names:
            value = words[i + 1]
            del words[i : i + 2]
            return value
    return None


def _flag(words: list[str], *names: str) -> bool:
    for i, word in enumerate(words):
        if fold(word) in names:
            del words[i]
            return True
    return False


def _fee(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"fee": _dump(Fee())}
    words = _joined_percent(words)
    begin, each = _flag(words, "begin", "መጀመሪያ"), _flag(words, "round", "ዙር")
    collect = "begin" if begin else "round" if each else "pot"
    if _flag(words, "instalments", "instalment", "መዋጮ"):
        return {"fee": {"kind": "instalments", "value": _count(words), "collect": collect}}
    part = _per_mille(words[0]) if len(words) == 1 else None
    kind, value = ("per_mille", part) if part is not None else ("flat", _minor(words, currency))
    return {"fee": {"kind": kind, "value": value, "collect": collect}}


def _fine(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"fine": _dump(Fine())}
    words = _joined_percent(words)
    most, grace, to = _pull(words, "max", "ቢበዛ"), _pull(words, "grace", "ትዕግስት"), _pull(words, "to", "ለ")
    daily = _flag(words, "daily", "በየቀኑ")
    per = "due" if _flag(words, "lot", "ዕጣ") else "member"
    part = _per_mille(words[0]) if len(words) == 1 else None
    chosen: dict[str, Any] = {
        "kind": ("daily" if daily else "flat") if part is None else ("daily_per_mille" if daily else "per_mille"),
        "value": _minor(words, currency) if part is None else part,
        "per": per,
        "to": next(fund for fund, names in _FUNDS.items() if fold(to) in map(fold, names)) if to else "fund",
        "grace_hours": _count([grace]) if grace else 0,
        "most_minor": _minor([most], currency) if most else 0,
    }
    return {"fine": chosen}


def _order(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    start = _pull(words, "from", "ከዙር")
    said = fold(" ".join(words))
    order = next(order for order in ORDERS if said in [fold(word) for word in _ORDER_WORDS[order]])
    if start is None:
        return {"order": order, "later_orders": ()}
    stage = Stage(from_round=_count([start]), order=order)
    others = [one for one in rules.later_orders if one.from_round != stage.from_round]
    return {"later_orders": [_dump(one) for one in (*others, stage)]}


def _auction(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    words = _joined_percent(words)
    chosen = rules.auction.model_dump()
    if (step := _pull(words, "step", "ጭማሪ")) is not None:
        chosen["step_minor"] = _minor([step], currency)
    if (most := _pull(words, "max", "ቢበዛ")) is not None:
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
    ethiopian = _flag(words, "ethiopian", "የኢትዮጵያ")
    last = _flag(words, "last", "የመጨረሻ")
    weekday = next((n for n, names in enumerate(_WEEKDAYS, 1) for word in words if _is_weekday(word, names)), None)
    if weekday is not None:
        words = [word for word in words if not _is_weekday(word, _WEEKDAYS[weekday - 1])]
        nth = -1 if last else _count(words) if words else None
        kind = "monthly" if nth is not None else "weekly"
        every = base.every if base.kind == kind else 1
        chosen = {"kind": kind, "every": every, "weekday": weekday, "nth": nth}
    else:
        chosen = {"kind": "monthly", "every": base.every if base.kind == "monthly" else 1, "day": _count(words)}
    if ethiopian:
        chosen["calendar"] = "ethiopian"
    return {"rhythm": _dump(Rhythm.model_validate(chosen))}


def _is_weekday(word: str, names: tuple[str, ...]) -> bool:
    """Tuesday, tue, ማክሰኞ."""
    said = fold(word)
    return any(said == fold(name) or (len(said) >= 3 and fold(name).startswith(said)) for name in names)


def _deduct(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    words = _joined_percent(words)
    first = _flag(words, "first", "መጀመሪያ")
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
    said = {"there": "pay_there", "wait": "wait", "reserve": "reserve", "guarantor": "guarantor"}
    also = {"ያለው": "pay_there", "ጠብቅ": "wait", "መጠባበቂያ": "reserve", "ዋስ": "guarantor"}
    return {"shortfall": (said | {fold(word): value for word, value in also.items()})[fold(" ".join(words))]}


def _holidays(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"holidays": _dump(Holidays())}
    move = "before" if _flag(words, "before", "በፊት") else "after"
    _flag(words, "after", "በኋላ")
    return {"holidays": {"country": " ".join(words).upper(), "move": move}}


def _late(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    if _is_no(words):
        return {"late_joiners": "no"}
    return {"late_joiners": {"back": "back_pay", "short": "short_place"}[fold(words[0])]}


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
    share = {} if fold(" ".join(words)) in _YES else {"vote_per_mille": _part(words)}
    return {"rule_change": "vote"} | share


def _like(rules: Rules, words: list[str], currency: str) -> dict[str, Any]:
    chosen = TEMPLATES[fold(" ".join(words)).replace(" ", "_")]
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
    "first": lambda rules, words, currency: {"first_to_organiser": _yes(words)},
    "hour": lambda rules, words, currency: {"due_hour": _count(words)},
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
