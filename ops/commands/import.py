"""a running equb from its paper book: import FILE… [--tenant CODE] [--commit] | --template FILE | --undo CODE

Owns: reading files or a folder of CSVs on this machine, and printing line by line what was understood and what is
wrong. Refuses: to commit a book in which anything is wrong; a commit says its code, and `--undo` with it takes all of
it back while nothing has happened since. Works on the database that is set or the one of a running `./equb run`.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from api import problems
from core import imports, people
from core.db import dispose, transaction
from core.errors import Refusal
from core.imports import Import
from core.money import Money
from core.operator.bootstrap import FIRST_TENANT
from ops.commands.admin import find_database
from ops.errors import CannotStart


def main(arguments: list[str]) -> int:
    """0 when all went well, 1 when the book has errors. Raises CannotStart with one line."""
    said = _parser().parse_args(arguments)
    if said.template:
        return _template(Path(said.template))
    if bool(said.files) == bool(said.undo):
        raise CannotStart("say which file to import, --template FILE, or --undo CODE", status=2)
    files = _files(said.files)
    find_database()
    try:
        lines, sound = asyncio.run(_do(said, files))
    except Refusal as refusal:
        raise CannotStart(_in_words(refusal)) from None
    except (DBAPIError, OSError) as error:
        raise CannotStart(f"the database cannot be reached: {type(error).__name__}") from None
    print("\n".join(lines))
    return 0 if sound else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="equb import", description="Bring a running equb from its paper book.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="an .xlsx, a .zip, .csv files, or a folder of them")
    parser.add_argument("--tenant", default=FIRST_TENANT, help=f"its code (default {FIRST_TENANT})")
    parser.add_argument("--commit", action="store_true", help="write it, if nothing is wrong")
    parser.add_argument("--language", default="en", help="in which to say what was understood (default en)")
    parser.add_argument("--all", action="store_true", help="print the lines without problems too")
    parser.add_argument("--template", metavar="FILE", help="write the template to FILE (.xlsx, or .zip for CSVs)")
    parser.add_argument("--undo", metavar="CODE", help="take a committed import back as one")
    return parser


def _template(target: Path) -> int:
    makers: dict[str, Callable[[Any], bytes]] = {".xlsx": imports.workbook, ".zip": imports.zipped}
    if target.suffix not in makers:
        raise CannotStart("a template is an .xlsx, or a .zip of CSVs", status=2)
    try:
        target.write_bytes(makers[target.suffix](imports.example()))
    except OSError as error:
        raise CannotStart(f"cannot write {target}: {error.strerror}") from None
    print(f"{target}: fill it in, then ./equb import {target}")
    return 0


def _files(names: Sequence[str]) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for path in map(Path, names):
        try:
            inner = sorted(path.glob("*.csv")) if path.is_dir() else [path]
            if sum(one.stat().st_size for one in inner) > imports.MOST_BYTES:
                raise CannotStart(f"{path} is larger than any book", status=2)
            found += [(one.name, one.read_bytes()) for one in inner]
        except OSError as error:
            raise CannotStart(f"cannot read {path}: {error.strerror}", status=2) from None
    return found


def _in_words(refusal: Refusal) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in refusal.facts.items())
    title = str(problems.refused(refusal)[1]["title"])
    return f"{title} ({facts})" if facts else title


async def _do(said: argparse.Namespace, files: Sequence[tuple[str, bytes]]) -> tuple[list[str], bool]:
    """What is to be printed, and whether nothing is wrong."""
    try:
        tenant = await people.tenant_by_code(said.tenant)
        if said.undo:
            async with transaction(tenant.id, actor="operator") as tx:
                undone = await imports.undo(tx, (await imports.by_code(tx, said.undo)).id)
            return [f"import {undone.code} is undone: every transfer is reversed"], True
        uploaded = await imports.read(files)
        async with transaction(tenant.id, actor="operator") as tx:
            made = await imports.preview(tx, uploaded, tenant=tenant)
        lines = [*_report(made.shown, everything=said.all, language=said.language), *_verdict(made)]
        if said.commit and not made.errors:
            async with transaction(tenant.id, actor="operator") as tx:
                done, group = await imports.commit(tx, made.id, tenant=tenant)
            lines.append(f"committed: {group.name} runs, its code is {group.code}; ./equb import --undo {done.code}")
        return lines, not made.errors
    finally:
        await dispose()


def _report(shown: dict[str, Any], *, everything: bool, language: str) -> Iterator[str]:
    for line in (imports.spoken(line, language) for line in shown["lines"]):
        if everything or line["problems"]:
            where = f"{line['sheet']} {line['line']}" if line["line"] else line["sheet"]
            yield f"{where:<14} {line['understood']}".rstrip()
        for problem in line["problems"]:
            yield f"{'':<14} {problem['severity'].upper()} {problem['code']}: {problem['said']}"
    yield from _totals(shown["totals"])


def _totals(totals: dict[str, Any]) -> Iterator[str]:
    def money(minor: int) -> str:
        one = Money(minor, totals["currency"])
        return f"{one.spoken} {one.currency}"

    held = f"{totals['rounds_held']} of {totals['rounds']} rounds held"
    yield f"{totals['name']}: {totals['people']} people, {totals['lots']} lots, {held}"
    balance = money(totals["balance_minor"])
    yield f"in {money(totals['in_minor'])}, out {money(totals['out_minor'])}, in hand {balance}"
    for word, name in (("owes", "owed"), ("paid in advance", "advance"), ("holds", "held")):
        for one in totals[name]:
            yield f"  {one['name']} {word} {money(one['minor'])}"


def _verdict(made: Import) -> Iterator[str]:
    if made.errors:
        yield f"errors: {made.errors}, warnings: {made.warnings}. It does not add up; nothing was written"
    else:
        yield f"it adds up (warnings: {made.warnings})"
