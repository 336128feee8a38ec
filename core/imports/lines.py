"""One line of a sheet that is being read: its cells by column, and where its problems go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.imports.book import Line
from core.imports.sheets import Cell
from core.imports.values import Unclear
from core.imports.words import SheetWords


@dataclass(frozen=True)
class Reading:
    """A line with the words of its sheet."""

    line: Line
    cells: Mapping[str, Cell]
    words: SheetWords

    def get(self, key: str, read: Any, *arguments: Any) -> Any:
        """What stands under a column, or None: with a problem when it must be there or cannot be read."""
        column = next(one for one in self.words.columns if one.key == key)
        cell = self.cells.get(key)
        if cell is None:
            if column.required:
                self.line.error("cell.missing", key, heading=column.names[0])
            return None
        try:
            return read(cell, *arguments)
        except Unclear as unclear:
            self.line.error(unclear.code, key, **unclear.facts)
            return None
