"""Papers: the statement of a member, the whole book of a group, the picture of its circle.

A *book* is plain data, read set by set and compared with the ledger (``whole``, ``of_member``); renderers make PDF,
CSV and XLSX of it, in any language and either calendar (``Hand``). ``ask`` and ``hand_out`` are for what people get
on their phones. ``docs/decisions/0007-papers.md`` says why it is built as it is.
"""

from collections.abc import Callable

from core.papers.book import Book, NotTheLedger
from core.papers.circle import Circle, circle_of
from core.papers.hand import Hand
from core.papers.handing import Asked, Paper, ask, by_link, hand_out
from core.papers.picture import draw_circle
from core.papers.printing import pdf_of
from core.papers.reading import of_member, whole
from core.papers.spreadsheets import csv_of, xlsx_of
from core.papers.tables import TABLES

RENDERERS: dict[str, Callable[[Book, Hand], bytes]] = {"pdf": pdf_of, "csv": csv_of, "xlsx": xlsx_of}

__all__ = [
    "RENDERERS",
    "TABLES",
    "Asked",
    "Book",
    "Circle",
    "Hand",
    "NotTheLedger",
    "Paper",
    "ask",
    "by_link",
    "circle_of",
    "csv_of",
    "draw_circle",
    "hand_out",
    "of_member",
    "pdf_of",
    "whole",
    "xlsx_of",
]
