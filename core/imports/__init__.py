"""Bringing a running equb from its paper book: a file is previewed line by line, committed as one, undone as one.

Owns the way from a file to a group that runs. Refuses to write anything while a line has an error, to guess what may
mean two things, and to undo what people have gone on with. ``docs/importing.md`` tells an organiser how to fill it in.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from core import groups, people
from core.db import Tx
from core.errors import Refusal
from core.folding import fold
from core.groups import Group
from core.imports import records, sheets, showing, undoing, writing
from core.imports.adding_up import add_up
from core.imports.book import Book
from core.imports.figures import Sums
from core.imports.planning import warn_of_rounds_missed
from core.imports.records import Import, by_code, by_id
from core.imports.sheets import MOST_BYTES, Sheet
from core.imports.showing import language_of, spoken
from core.imports.template import csvs, example, workbook, zipped
from core.imports.understanding import understand
from core.operator.audit import note
from core.people import Tenant

__all__ = [
    "MOST_BYTES",
    "Import",
    "Uploaded",
    "by_code",
    "by_id",
    "commit",
    "csvs",
    "example",
    "language_of",
    "preview",
    "read",
    "spoken",
    "undo",
    "workbook",
    "zipped",
]


@dataclass(frozen=True)
class Uploaded:
    """What was handed in, taken apart into cells: the name of the file, its SHA256 and its sheets."""

    name: str
    hash: str
    sheets: Sequence[Sheet]


async def read(files: Sequence[tuple[str, bytes]]) -> Uploaded:
    """Take files apart, outside any transaction and off the event loop: a large workbook takes seconds.

    Raises ``Refusal("import.…")``, see ``core.imports.sheets.read``.
    """
    digest = hashlib.sha256()
    for _, content in files:
        digest.update(content)
    found = await asyncio.to_thread(sheets.read, files)
    return Uploaded(", ".join(sheets.shown(name) for name, _ in files)[:200], digest.hexdigest(), found)


async def preview(tx: Tx, uploaded: Uploaded, *, tenant: Tenant) -> Import:
    """Understand a book and keep what was understood. Nothing of it is written into any group."""
    await records.forget_old(tx)
    book, sums = await _understood(tx, uploaded.sheets, tenant)
    report = await asyncio.to_thread(showing.report, book, sums)
    made = records.new(
        tx,
        file_name=uploaded.name,
        file_hash=uploaded.hash,
        sheets=uploaded.sheets,
        report=report,
        counts=showing.counts(report),
    )
    tx.session.add(made)
    await tx.session.flush()
    await note(tx, "import.previewed", subject=f"import:{made.code}", file=uploaded.hash, errors=made.errors)
    return made


async def commit(tx: Tx, import_id: UUID, *, tenant: Tenant) -> tuple[Import, Group]:
    """Write a previewed book: the group runs, its next round opens when it is woken.

    It is understood once more, as of now. Raises ``Refusal``: ``import.already_committed``, ``import.undone``,
    ``import.forgotten``, ``import.has_errors`` with how many and the first of them.
    """
    imported = await by_id(tx, import_id, lock=True)
    if imported.status == "committed":
        raise Refusal("import.already_committed", code=imported.code)
    _require_not_undone(imported)
    if imported.status != "previewed":
        raise Refusal("import.forgotten", code=imported.code)
    book, sums = await _understood(tx, imported.sheets, tenant)
    if not book.sound:
        errors = [(line, problem) for line, problem in book.problems() if problem.severity == "error"]
        line, problem = errors[0]
        raise Refusal("import.has_errors", errors=len(errors), sheet=line.sheet, line=line.line, said=problem.sentence)
    group = await writing.write(tx, imported, book, sums, tenant=tenant)
    imported.status, imported.group_id = "committed", group.group_id
    imported.committed_at, imported.committed_by = tx.now, tx.actor
    # What it said is in the book now; what was understood stays on record.
    imported.content = None
    await tx.session.flush()
    await note(
        tx,
        "import.committed",
        group_id=group.group_id,
        subject=f"import:{imported.code}",
        file=imported.file_hash,
        people=len(book.people),
        rounds_held=len(book.rounds),
        in_minor=sums.in_minor,
        out_minor=sums.out_minor,
    )
    return imported, group


def _require_not_undone(imported: Import) -> None:
    if imported.status == "undone":
        raise Refusal("import.undone", code=imported.code)


async def undo(tx: Tx, import_id: UUID) -> Import:
    """Take a committed import back as one.

    Raises ``Refusal``: ``import.not_committed``, ``import.undone``, ``import.lived_on`` with what has happened since.
    """
    imported = await by_id(tx, import_id, lock=True)
    _require_not_undone(imported)
    if imported.group_id is None:
        raise Refusal("import.not_committed", code=imported.code)
    group = await groups.by_id(tx, imported.group_id, lock=True)
    transfers = await undoing.undo(tx, imported, group)
    await note(tx, "import.undone", group_id=group.group_id, subject=f"import:{imported.code}", transfers=transfers)
    return imported


async def _understood(tx: Tx, found: Sequence[Sheet], tenant: Tenant) -> tuple[Book, Sums]:
    today = tx.now.astimezone(ZoneInfo(tenant.timezone)).date()
    book = await asyncio.to_thread(understand, found, today=today, currency=tenant.currency)
    await _who_is_known(tx, book)
    sums = await asyncio.to_thread(add_up, book)
    if book.sound:
        warn_of_rounds_missed(book, now=tx.now, timezone=tenant.timezone)
    return book, sums


async def _who_is_known(tx: Tx, book: Book) -> None:
    """Say who is a person here already, under whatever name, and refuse one person under two numbers."""
    known = await people.with_phones(tx, [one.phone for one in book.people.values() if one.phone])
    lines: dict[UUID, int] = {}
    for one in book.people.values():
        who = known[one.phone][1] if one.phone in known else None
        if who is None:
            continue
        if who.id in lines:
            one.line.error("people.same_person", "phone", other=lines[who.id])
        elif fold(who.name) != fold(one.name):
            one.line.warn("people.known", "phone", known=who.name)
        lines.setdefault(who.id, one.line.line)
