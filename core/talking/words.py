"""The words people type: each belongs to one command in one language, and no word to two.

English works for everybody. What is typed is folded first (``core.talking.understanding.fold``), so that case,
homophones and punctuation do not matter; one slip of a finger is forgiven in words of four letters or more.
"""

from functools import lru_cache

from core.talking.understanding import fold, within_one_edit

# Shortest word in which a slip is forgiven: shorter ones have too many neighbours.
FORGIVEN_FROM = 4

COMMANDS: dict[str, dict[str, tuple[str, ...]]] = {
    "START": {"en": ("START", "HI", "HELLO"), "am": ("ጀምር", "ሰላም")},
    "HELP": {"en": ("HELP", "?", "MENU"), "am": ("እርዳታ",)},
    "LANG": {"en": ("LANG", "LANGUAGE"), "am": ("ቋንቋ",)},
    "STOP": {"en": ("STOP",), "am": ("አቁም",)},
    "UNDO": {"en": ("UNDO", "0"), "am": ("ሰርዝ",)},
    "NAME": {"en": ("NAME",), "am": ("ስም",)},
    "LINK": {"en": ("LINK",), "am": ("አገናኝ",)},
    "JOIN": {"en": ("JOIN",), "am": ("ተቀላቀል",)},
    "LEAVE": {"en": ("LEAVE",), "am": ("ውጣ",)},
    "NEW": {"en": ("NEW",), "am": ("አዲስ",)},
    "INVITE": {"en": ("INVITE",), "am": ("ጋብዝ",)},
    "BEGIN": {"en": ("BEGIN",), "am": ("አስጀምር",)},
    "PAY": {"en": ("PAY", "PAID"), "am": ("ክፈል", "ከፈልኩ")},
    "CASH": {"en": ("CASH",), "am": ("ጥሬ",)},
    "WHO": {"en": ("WHO",), "am": ("ማን",)},
    "PAYOUT": {"en": ("PAYOUT",), "am": ("ስጥ",)},
    "STATUS": {"en": ("STATUS",), "am": ("ሁኔታ",)},
    "ROUND": {"en": ("ROUND",), "am": ("ዙር",)},
    "HISTORY": {"en": ("HISTORY",), "am": ("ታሪክ",)},
    "RULES": {"en": ("RULES",), "am": ("ደንብ", "ደንቦች")},
    "SET": {"en": ("SET",), "am": ("አስተካክል",)},
    "MEMBERS": {"en": ("MEMBERS",), "am": ("አባላት",)},
    "ORDER": {"en": ("ORDER",), "am": ("ተራ",)},
    "TURN": {"en": ("TURN",), "am": ("መድብ",)},
    "SWAP": {"en": ("SWAP",), "am": ("ተቀያየር",)},
    "PASS": {"en": ("PASS",), "am": ("አሳልፍ",)},
    "MERGE": {"en": ("MERGE",), "am": ("አዋህድ",)},
    "NEED": {"en": ("NEED",), "am": ("ያስፈልገኛል",)},
    "DECIDE": {"en": ("DECIDE",), "am": ("ወስን",)},
    "WITNESS": {"en": ("WITNESS",), "am": ("ምስክር",)},
    "PIN": {"en": ("PIN",), "am": ("ሚስጥር",)},
    "BID": {"en": ("BID",), "am": ("ጨረታ",)},
    "STATEMENT": {"en": ("STATEMENT",), "am": ("መግለጫ", "ሒሳብ")},
    "BOOK": {"en": ("BOOK",), "am": ("መዝገብ",)},
    "CIRCLE": {"en": ("CIRCLE",), "am": ("ክበብ",)},
    "RECEIPT": {"en": ("RECEIPT",), "am": ("ደረሰኝ",)},
    "VERIFY": {"en": ("VERIFY",), "am": ("ፈትሽ",)},
    "ROLE": {"en": ("ROLE",), "am": ("ሚና",)},
    "SUCCESSOR": {"en": ("SUCCESSOR",), "am": ("ተተኪ",)},
    "HANDOVER": {"en": ("HANDOVER",), "am": ("አስረክብ",)},
    "HOLDS": {"en": ("HOLDS",), "am": ("በእጅ",)},
    "ANNOUNCE": {"en": ("ANNOUNCE",), "am": ("አስታውቅ",)},
    "DISPUTE": {"en": ("DISPUTE",), "am": ("ቅሬታ",)},
    "ANSWER": {"en": ("ANSWER",), "am": ("መልስ",)},
    "EXCUSE": {"en": ("EXCUSE",), "am": ("ምህረት",)},
    "DEFER": {"en": ("DEFER",), "am": ("አዘግይ",)},
    "SUSPEND": {"en": ("SUSPEND",), "am": ("አግድ",)},
    "GUARANTEE": {"en": ("GUARANTEE",), "am": ("ዋስትና",)},
    "GUARANTOR": {"en": ("GUARANTOR",), "am": ("ዋስ",)},
    "CLOSE": {"en": ("CLOSE",), "am": ("ዝጋ",)},
    "FINE": {"en": ("FINE",), "am": ("ቅጣት",)},
    "LOAN": {"en": ("LOAN",), "am": ("ብድር",)},
    "SPEND": {"en": ("SPEND",), "am": ("ወጪ",)},
    "REPLACE": {"en": ("REPLACE",), "am": ("ተካ",)},
    "HEIR": {"en": ("HEIR",), "am": ("ወራሽ",)},
    "YES": {"en": ("YES", "Y"), "am": ("አዎ",)},
    "NO": {"en": ("NO", "N"), "am": ("አይ", "አይደለም")},
    "THANKS": {"en": ("OK", "OKAY", "THANKS", "THANK YOU"), "am": ("አመሰግናለሁ", "እሺ", "ameseginalehu")},
}


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[str, str]]:
    table: dict[str, tuple[str, str]] = {}
    for command, by_language in COMMANDS.items():
        for language, words in by_language.items():
            for word in words:
                folded = fold(word)
                if table.setdefault(folded, (command, language)) != (command, language):
                    raise RuntimeError(f"the word {word} belongs to two commands")
    return table


def command_of(word: str, *, forgiving: bool = True) -> tuple[str, str] | None:
    """(command, language) that a typed word means, or None. ``forgiving``: one slip in longer words."""
    folded = fold(word.lstrip("/").partition("@")[0])
    exact = _table().get(folded)
    if exact or not forgiving or len(folded) < FORGIVEN_FROM:
        return exact
    near = {
        meant for known, meant in _table().items() if len(known) >= FORGIVEN_FROM and within_one_edit(folded, known)
    }
    return near.pop() if len(near) == 1 else None


def word_for(command: str, language: str) -> str:
    """How a command is called in a language; English where it has no word of its own."""
    words = COMMANDS[command]
    return (words.get(language) or words["en"])[0]
