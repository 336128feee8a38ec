"""every sentence of a language as a phone shows it, for translators: `./equb sentences om [words of the English one]`

Owns: printing what Equb says in one language, beside the English, with ordinary values and the parts of its SMS.
Refuses: a language that has no catalogue, in one line.
"""

from __future__ import annotations

from core import catalogues
from core.messages import SMS, TELEGRAM
from core.samples import said
from core.segments import segments
from core.sentences import KINDS
from ops.errors import CannotStart


def main(arguments: list[str]) -> int:
    """Print the sentences whose English holds the words given. Raises CannotStart for an unknown language."""
    language, *words = arguments or [""]
    if language not in catalogues.NAMES:
        raise CannotStart(f"which language? one of {', '.join(catalogues.NAMES)}", status=2)
    wanted = " ".join(words).casefold()
    for name, kind in KINDS.items():
        if wanted and wanted not in kind.text.casefold() and wanted not in name:
            continue
        spoken = said(kind, language, SMS, long=False)
        print(f"== {name}")
        print(said(kind, "en", SMS, long=False))
        print(f"-- {catalogues.NAMES[language]}, SMS, parts: {segments(spoken)}")
        print(spoken)
        if (chat := said(kind, language, TELEGRAM, long=False)) != spoken:
            print("-- Telegram")
            print(chat)
        print()
    return 0
