"""How often an equb meets, as people write it. Pure."""

import re
from collections.abc import Sequence
from functools import lru_cache

from core import lexicon
from core.folding import fold
from core.rules import Rhythm
from core.talking.understanding.numbers import number

_KINDS = ("daily", "weekly", "monthly")
_LONGEST = 3


@lru_cache(maxsize=1)
def _every_days() -> re.Pattern[str]:
    """Every way to say every n days; with or without a space: በየ5 ቀኑ is how the sentences write it."""
    forms = []
    for named in sorted(lexicon.names("rhythms", "days")):
        before, _, after = named.partition("{n}")
        forms.append(rf"{re.escape(before.strip())} ?([0-9]+|[፩-፼]+) ?{re.escape(after.strip())}")
    return re.compile("|".join(forms))


def rhythm(words: Sequence[str]) -> tuple[Rhythm, list[str]] | None:
    """A rhythm among the words, and the words without it: ``weekly``, ``በየወሩ``, ``every 5 days``, ``በየ5 ቀኑ``."""
    text = [fold(word) for word in words]
    for i in range(len(text)):
        for size in range(min(_LONGEST, len(text) - i), 0, -1):
            typed = " ".join(text[i : i + size])
            found = _every_days().fullmatch(typed)
            days = number(next(group for group in found.groups() if group)) if found else None
            if days and 1 <= days <= 366:
                return Rhythm(kind="days", every=days), [*words[:i], *words[i + size :]]
            kind = next((kind for kind in _KINDS if typed in lexicon.names("rhythms", kind)), None)
            if kind:
                return Rhythm.model_validate({"kind": kind}), [*words[:i], *words[i + size :]]
    return None
