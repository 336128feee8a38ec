"""Long answers by SMS, in parts: the first is sent, the next on MORE.

Owns where an answer is cut and what of it is still to come, which stands with the part that was sent. Only lists
are cut: what is said of money that moves, and every question, arrives whole. Refuses other channels than SMS.
"""

import json
from collections.abc import Sequence
from datetime import timedelta

from core import lexicon
from core import sentences as say
from core.messages import SMS, Message, Reader, render
from core.segments import GSM7, encoding, pieces, plain, segments
from core.talking.talk import Talk

# An answer of more SMS than this is cut, into parts of at most as many.
MOST_SEGMENTS = 3
KEPT = timedelta(days=1)
# Characters of one line that surely fit a part: of the GSM-7 alphabet, with room for escaped ones, and of others.
_LONGEST_CHEAP, _LONGEST = 420, 190
# Words whose answers are lists that grow with the equb. Nothing moves by them.
LISTS = frozenset({"STATUS", "ROUND", "HISTORY", "RULES", "MEMBERS", "ORDER", "WHO", "HOLDS", "VERIFY", "HELP"})


def in_parts(talk: Talk, answers: list[Message]) -> list[Message]:
    """The answers as they are sent; those that list too much become the first of their parts."""
    if talk.inbound.screen or talk.inbound.channel != SMS or talk.word not in LISTS:
        return answers
    reader = Reader(talk.language, SMS, talk.tenant.timezone)
    said = [message for message in answers if not message.choices]
    texts = [plain(render(message, reader).text) for message in said]
    if all(segments(text) <= MOST_SEGMENTS for text in texts):
        return answers
    asked = [message for message in answers if message.choices]
    return [_part(_cut("\n".join(texts), talk.language), 0, talk.language), *asked]


def _more(language: str) -> str:
    return lexicon.read(language)["words"]["more"][0].upper()


def _cut(text: str, language: str) -> list[str]:
    """Parts that fit with what is written below them, cut at line ends where a line fits a part."""
    room = _below(98, 99, language)
    longest = (_LONGEST_CHEAP if encoding(text) == GSM7 else _LONGEST) - len(room)
    found: list[str] = []
    for line in text.split("\n"):
        for piece in pieces(line, longest=longest):
            if found and segments(f"{found[-1]}\n{piece}{room}") <= MOST_SEGMENTS:
                found[-1] += f"\n{piece}"
            else:
                found.append(piece)
    return found


def _below(number: int, parts: int, language: str) -> str:
    return f"\n{number}/{parts}" + (f" {_more(language)}" if number < parts else "")


def _part(parts: Sequence[str], index: int, language: str) -> Message:
    text = parts[index] + _below(index + 1, len(parts), language)
    return say.VERBATIM(text=text).showing(parts=list(parts), part=index)


_LAST = """
SELECT (o.extras -> 'parts')::text, (o.extras -> 'part')::text FROM inbox i JOIN outbox o ON o.inbox_id = i.id
WHERE i.tenant_id = $1 AND o.tenant_id = $1 AND i.address_id = $2 AND i.received_at > $3 AND o.extras ? 'parts'
ORDER BY i.received_at DESC, o.seq DESC LIMIT 1
"""


async def next_part(talk: Talk) -> Message | None:
    """What follows the part that was sent last; None when nothing was cut or all of it was sent."""
    row = await talk.tx.row(_LAST, talk.tx.tenant_id, talk.address.id, talk.tx.now - KEPT)
    if row is None:
        return None
    parts, index = json.loads(row[0]), int(row[1]) + 1
    return _part(parts, index, talk.language) if index < len(parts) else None
