"""Paper books: the template, a file handed in and previewed line by line, committed as one, undone as one.

A file comes as the body itself or as ``multipart/form-data`` (one XLSX or ZIP, or several CSVs). What it is, is seen
from what it holds, never from what it says of itself.
"""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from api import nudge
from api.tokens import Configurer, Reader
from api.v1.deeds import Once
from api.v1.shapes import PREFIX, AskedPart, Money, Page, cursor
from core import imports, listing
from core.db import Tx
from core.errors import Refusal
from core.imports import Import as ImportRow
from core.imports import Uploaded

router = APIRouter(prefix=PREFIX, tags=["imports"])

ImportStatus = Literal["previewed", "committed", "undone", "forgotten"]

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "an .xlsx, a .zip of .csv files, or the .csv files one by one",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            },
            "application/octet-stream": _BINARY,
        },
    }
}


class ImportProblem(BaseModel):
    """What is wrong with a line (error), or worth a look (warning)."""

    code: str = Field(description="stable", examples=["debt.differs"])
    severity: Literal["error", "warning"]
    column: str = Field(description="the column it is about, or empty")
    said: str = Field(
        description="in the language asked for",
        examples=["The book says that Sara Tesfaye owes 500 ETB; by the lines it is 700 ETB (200 ETB more)."],
    )
    facts: dict[str, Any]


class ImportLine(BaseModel):
    """A line of a sheet as it was understood; line 0 is the sheet as a whole."""

    sheet: str = Field(examples=["payments"])
    line: int = Field(examples=[12])
    understood: str = Field(
        examples=["13 Hidar 2019 (22/11/2026): Sara Tesfaye (no. 2) paid 1,000 ETB in cash, round 5"]
    )
    problems: list[ImportProblem]


class MemberAmount(BaseModel):
    """An amount of one member; ``number`` is null for a bank or wallet that holds money."""

    number: int | None = Field(description="in the group")
    name: str
    amount: Money


class ImportTotals(BaseModel):
    """What a book comes to."""

    name: str
    people: int
    lots: int
    rounds: int
    rounds_held: int
    contribution: Money
    pot: Money
    money_in: Money
    money_out: Money
    balance: Money = Field(description="in less out")
    fee: Money = Field(description="the organiser's, of the pots that were paid")
    owed: list[MemberAmount] = Field(description="still owed of the rounds held")
    advance: list[MemberAmount] = Field(description="paid for rounds to come")
    held: list[MemberAmount] = Field(description="who has the money; less than nothing: paid out of their own")


class Import(BaseModel):
    """A paper book that was handed in. It can be committed when it has no errors."""

    id: UUID
    code: str = Field(description="stands in the memo of everything that it wrote")
    status: ImportStatus
    file_name: str
    file_hash: str = Field(description="SHA-256 of what was handed in")
    lines: int
    errors: int
    warnings: int
    group: UUID | None = Field(description="what it became")
    created_at: datetime
    created_by: str
    committed_at: datetime | None
    committed_by: str | None
    undone_at: datetime | None
    undone_by: str | None


class ImportShown(Import):
    """The same with its totals; null when they are no longer kept. Its lines have pages of their own."""

    totals: ImportTotals | None


def _shape(row: Any) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in Import.model_fields if name != "group"}
    return values | {"group": row.group_id}


def _plain(row: ImportRow) -> Import:
    """What is answered to an act. Such answers are kept by their keys, so no names stand in them."""
    return Import(**_shape(row))


def _shown(row: ImportRow) -> ImportShown:
    totals = row.shown["totals"]
    return ImportShown(**_shape(row), totals=_totals(totals) if totals else None)


def _totals(kept: dict[str, Any]) -> ImportTotals:
    currency = kept["currency"]

    def money(name: str) -> Money:
        return Money.of(kept[f"{name}_minor"], currency)

    def each(name: str) -> list[MemberAmount]:
        return [
            MemberAmount(number=one["number"], name=one["name"], amount=Money.of(one["minor"], currency))
            for one in kept[name]
        ]

    return ImportTotals(
        **{name: kept[name] for name in ("name", "people", "lots", "rounds", "rounds_held")},
        **{name: money(name) for name in ("contribution", "pot", "balance", "fee")},
        **{name: each(name) for name in ("owed", "advance", "held")},
        money_in=money("in"),
        money_out=money("out"),
    )


# --- the file ------------------------------------------------------------------------------------


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    """The body piece by piece, no further than the largest book."""
    # Between the files of a form stand a few lines each.
    left = imports.MOST_BYTES + 100_000
    async for piece in request.stream():
        left -= len(piece)
        if left < 0:
            raise Refusal("import.too_large", most_megabytes=imports.MOST_BYTES // 1_000_000)
        yield piece


async def _files(request: Request) -> list[tuple[str, bytes]]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        return [("book.csv", b"".join([piece async for piece in _limited(request)]))]
    parser = MultiPartParser(request.headers, _limited(request), max_files=20, max_fields=20)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        raise Refusal("import.malformed") from None
    try:
        parts = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        return [(part.filename or "book.csv", await part.read()) for part in parts]
    finally:
        await form.close()


async def _uploaded(request: Request, caller: Configurer) -> Uploaded:
    # The caller first: nobody else's files are opened.
    return await imports.read(await _files(request))


Upload = Annotated[Uploaded, Depends(_uploaded)]


@router.get(
    "/imports/template",
    summary="The template to fill in",
    response_class=Response,
    responses={200: {"description": "The template.", "content": {_XLSX: _BINARY, "application/zip": _BINARY}}},
)
async def template(caller: Reader, format: Literal["xlsx", "csv"] = "xlsx") -> Response:
    """A small book that adds up, with explanations: an .xlsx, or a .zip with one .csv for each sheet."""
    if format == "xlsx":
        return _download(imports.workbook(imports.example()), _XLSX, "equb-book.xlsx")
    return _download(imports.zipped(imports.example()), "application/zip", "equb-book.zip")


def _download(content: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=kind, headers=headers)


@router.get("/imports", summary="List the imports", response_model=Page[Import])
async def list_imports(caller: Reader, part: AskedPart, status: ImportStatus | None = None) -> Page[Import]:
    """The newest first."""
    async with caller.transaction() as tx:
        page = await listing.imports(tx, part.slice(UUID), status=status)
    return Page(items=[Import(**_shape(row)) for row in page.rows], next=cursor(page.next))


@router.post("/imports", summary="Hand in a paper book", status_code=201, response_model=Import, openapi_extra=_BODY)
async def preview(caller: Configurer, uploaded: Upload, deed: Once) -> Response:
    """How many lines, errors and warnings; what was understood is read from the import and its lines.

    Nothing is written into any group, and a preview is forgotten after 30 days.
    """

    async def act(tx: Tx) -> Import:
        return _plain(await imports.preview(tx, uploaded, tenant=caller.tenant))

    said = hashlib.sha256(uploaded.hash.encode() + uploaded.name.encode()).digest()
    return await replace(deed, said=said).do(caller, act, status=201)


@router.get("/imports/{import_id}", summary="Show an import", response_model=ImportShown)
async def show_import(caller: Reader, import_id: UUID) -> ImportShown:
    """One import with its totals."""
    async with caller.transaction() as tx:
        return _shown(await imports.by_id(tx, import_id))


@router.get("/imports/{import_id}/lines", summary="List the lines of an import", response_model=Page[ImportLine])
async def list_lines(
    caller: Reader,
    import_id: UUID,
    part: AskedPart,
    request: Request,
    severity: Annotated[
        Literal["error", "warning"] | None, Query(description="only lines with a problem of this kind")
    ] = None,
    sheet: Annotated[
        Literal["book", "people", "lots", "rounds", "payments", "debts", "guarantors"] | None, Query()
    ] = None,
    language: Annotated[
        str | None, Query(description="of what is said; else as Accept-Language has it", pattern="^[a-z]{2}$")
    ] = None,
) -> Page[ImportLine]:
    """In the order of the sheets, as understood when the file was handed in."""
    language = language or imports.language_of(request.headers.get("accept-language", ""))
    async with caller.transaction() as tx:
        lines = (await imports.by_id(tx, import_id)).shown["lines"]
    after = part.slice(int).after
    wanted = _wanted(lines, after[0] if after else -1, severity, sheet)
    page = wanted[: part.limit]
    following = (page[-1][0],) if len(wanted) > part.limit else None
    return Page(items=[ImportLine(**imports.spoken(line, language)) for _, line in page], next=cursor(following))


def _wanted(
    lines: Sequence[dict[str, Any]], after: int, severity: str | None, sheet: str | None
) -> list[tuple[int, dict[str, Any]]]:
    return [
        (place, line)
        for place, line in enumerate(lines)
        if place > after
        and sheet in (None, line["sheet"])
        and (severity is None or any(problem["severity"] == severity for problem in line["problems"]))
    ]


@router.post("/imports/{import_id}/commit", summary="Commit an import", response_model=Import)
async def commit(caller: Configurer, import_id: UUID, deed: Once) -> Response:
    """The equb runs: rounds held stand as drawn on paper, the next one opens at once, draws to come are sealed now.

    Refused (409) while a line has an error. People are entered as officers enter them; they consent on their phones.
    """

    async def act(tx: Tx) -> Import:
        return _plain((await imports.commit(tx, import_id, tenant=caller.tenant))[0])

    return await deed.do(caller, act, after=nudge.tick)


@router.post("/imports/{import_id}/undo", summary="Undo an import", response_model=Import)
async def undo(caller: Configurer, import_id: UUID, deed: Once) -> Response:
    """As one, while nothing has happened in the equb since: every transfer is reversed, nothing is deleted.

    Refused (409) otherwise; `happened` says what has: payments, payouts, draws, transfers or acts of officers.
    """

    async def act(tx: Tx) -> Import:
        return _plain(await imports.undo(tx, import_id))

    return await deed.do(caller, act)
