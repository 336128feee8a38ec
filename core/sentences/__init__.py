"""Every sentence of the conversation and the notices, in English; translations stand in ``locales/``.

Whole sentences with named placeholders, never glued together. ``brief`` is what an SMS says where the chat's
sentence is longer. Only characters of the GSM-7 alphabet, or a part holds 70 of them instead of 160. A file for each
subject; a refusal stands beside what it is about.
"""

from typing import Any

from core import messages
from core.messages import N_, Message
from core.sentences import refusals as _refusals  # noqa: F401 (makes them known)
from core.sentences.about import *  # noqa: F403
from core.sentences.agreeing import *  # noqa: F403
from core.sentences.consenting import *  # noqa: F403
from core.sentences.disputes import *  # noqa: F403
from core.sentences.greeting import *  # noqa: F403
from core.sentences.joining import *  # noqa: F403
from core.sentences.making import KINDS as KINDS
from core.sentences.making import REFUSALS, kind
from core.sentences.members import *  # noqa: F403
from core.sentences.menus import *  # noqa: F403
from core.sentences.money import *  # noqa: F403
from core.sentences.officers import *  # noqa: F403
from core.sentences.orders import *  # noqa: F403
from core.sentences.papers import *  # noqa: F403
from core.sentences.pausing import *  # noqa: F403
from core.sentences.paying import *  # noqa: F403
from core.sentences.payouts import *  # noqa: F403
from core.sentences.places import *  # noqa: F403
from core.sentences.replacing import *  # noqa: F403
from core.sentences.rules import *  # noqa: F403
from core.sentences.seeing import *  # noqa: F403

OTHER_REFUSAL = kind("refused", N_("That is not possible."))


def refusal(code: str, facts: dict[str, Any]) -> Message:
    """The sentence for a Refusal."""
    if code == "rules.does_not_add_up" and not facts.get("fits", True):
        code = "rules.does_not_add_up.never"
    return Message(REFUSALS.get(code, OTHER_REFUSAL), facts)


for _other in (messages.BIRR, *messages.MONTHS, *messages.PARTS.values()):
    KINDS[_other.name] = _other
