"""Whom a cell of a paper book means: by number, by phone, by a whole name or a first name that only one has."""

from core.folding import fold
from core.imports import values
from core.imports.book import Book
from core.imports.sheets import Cell
from core.imports.values import Unclear


class Names:
    """Finds the member that a number, a phone, a whole name or a single first name means."""

    def __init__(self, book: Book) -> None:
        self._people = book.people
        self._by_name: dict[str, set[int]] = {}
        self._by_phone = {one.phone: one.number for one in book.people.values() if one.phone}
        for one in book.people.values():
            folded = fold(one.name)
            for called in {folded, *folded.split()}:
                self._by_name.setdefault(called, set()).add(one.number)
        self._known: dict[str, int] = {}

    def find(self, cell: Cell) -> int:
        """The number of the member. Raises ``Unclear``."""
        typed = values.text(cell)
        if typed not in self._known:
            self._known[typed] = self._found(typed)
        return self._known[typed]

    def _found(self, typed: str) -> int:
        number = typed.lstrip("#").strip()
        if number.isascii() and number.isdigit() and len(number) <= 4:
            if int(number) in self._people:
                return int(number)
            raise Unclear("member.unknown", said=typed[:40])
        named = self._by_name.get(fold(typed), set())
        whole = {n for n in named if fold(self._people[n].name) == fold(typed)} or named
        if len(whole) == 1:
            return next(iter(whole))
        if whole:
            who = ", ".join(f"{n} {self._people[n].name}" for n in sorted(whole)[:5])
            raise Unclear("member.ambiguous", said=typed[:40], who=who)
        try:
            return self._by_phone[values.phone(typed)]
        except (Unclear, KeyError):
            raise Unclear("member.unknown", said=typed[:40]) from None
