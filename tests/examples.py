"""Worked examples of rules, in figures: a test plays one, and what it saw is what ``docs/rules.md`` says.

A test that takes the fixture ``example`` writes its section: its chapter, its docstring as the introduction, then the
rows of figures it measured. The section is compared with the page to the letter; ``RULES=write`` writes it instead
(with ``-n 0``), to be read before it is committed. So nobody can write an example that the program does not do.

    async def test_a_late_member_pays_one_fine(example: Example, …) -> None:
        \"\"\"Five lots of 1,000 birr a week; a fine of 50 birr, once for a member, after 24 hours.\"\"\"
        example.chapter("Fines")
        … play it through the front doors …
        example.row("Sara, two lots, two days late", due=money(2000), fine=await doors.owed(…))
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from core.money import Money

RULES_PAGE = Path(__file__).resolve().parent.parent / "docs" / "rules.md"

# The order of the chapters on the page.
CHAPTERS = (
    "Lots, shares and pots",
    "Rhythm and days",
    "Orders",
    "Fees",
    "Fines",
    "Deductions and funds",
    "Pots that are not full",
    "Netting and old debts",
    "Loans",
    "Pots in kind",
    "Guarantors",
    "Coming late",
    "Leaving",
    "Excused, deferred, suspended",
    "Handing over",
    "Disputes",
    "Closing a cycle",
    "Changing the rules",
)

_SECTION = re.compile(r"<!-- example: (\w+) -->\n(.*?)<!-- end -->\n", re.S)


@dataclass
class Example:
    """One example's section. ``name``: its test; ``about``: its docstring."""

    name: str
    about: str
    of: str = ""
    lines: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def chapter(self, name: str) -> None:
        """Where it stands on the page. Raises ``ValueError`` for a chapter that is not in ``CHAPTERS``."""
        if name not in CHAPTERS:
            raise ValueError(f"{name} is no chapter of docs/rules.md")
        self.of = name

    def row(self, what: str, **figures: Money | int | str) -> None:
        """A line of the table: who or what, and the figures under their headings (``_`` is read as a space)."""
        shown = {name: f"{v.spoken}" if isinstance(v, Money) else str(v) for name, v in figures.items()}
        if self.lines and list(shown) != list(self.lines[0][1]):
            raise ValueError("every row of an example has the same figures")
        self.lines.append((what, shown))

    def note(self, text: str) -> None:
        """A sentence below the table."""
        self.notes.append(text)

    def text(self) -> str:
        """The section in Markdown."""
        title = self.name.removeprefix("test_").replace("_", " ")
        out = [f"### {title[0].upper()}{title[1:]}", "", " ".join(self.about.split()), ""]
        if self.lines:
            heads = [name.replace("_", " ") for name in self.lines[0][1]]
            out += ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
            out += [f"| {what} | " + " | ".join(figures.values()) + " |" for what, figures in self.lines]
            out.append("")
        for one in self.notes:
            out += [one, ""]
        return "\n".join(out)


def sections() -> dict[str, str]:
    """The sections of the page, by the name of their test."""
    return dict(_SECTION.findall(RULES_PAGE.read_text()))


def check(example: Example) -> None:
    """Compare a section with the page; with ``RULES=write`` write it."""
    assert example.of, "an example says in which chapter it stands"
    assert example.lines or example.notes, "an example shows figures"
    text = example.text()
    if os.environ.get("RULES") == "write":
        _write(example, text)
        return
    assert sections().get(example.name) == text, f"docs/rules.md says otherwise: RULES=write writes {example.name} anew"


def _write(example: Example, text: str) -> None:
    whole = RULES_PAGE.read_text()
    section = f"<!-- example: {example.name} -->\n{text}<!-- end -->\n"
    if example.name in sections():
        RULES_PAGE.write_text(_SECTION.sub(lambda m: section if m[1] == example.name else m[0], whole))
        return
    # A new one goes to the end of its chapter.
    begin = whole.index(f"## {example.of}\n")
    following = whole.find("\n## ", begin)
    at = len(whole) if following < 0 else following + 1
    RULES_PAGE.write_text(f"{whole[:at].rstrip()}\n\n{section}\n{whole[at:]}".rstrip() + "\n")
