"""Every error of the HTTP side as ``application/problem+json`` (RFC 9457): a stable type, a status, facts.

The one place where a ``Refusal`` becomes an answer, and where a database that cannot be reached becomes 503, so that
providers send their webhooks again. The type is ``/problems/`` and the refusal's code, the title its sentence in
English, its facts are further members. Never shows a traceback, a query, or what a validation error was about.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from core import sentences
from core.errors import NotAllowed, NotFound, Refusal, TryLater
from core.messages import TELEGRAM, Reader, sentence
from core.money import Money

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE = "/problems/"
RETRY_SECONDS = 5

# What stands against the state of things rather than against the request: the same one may succeed later.
_CONFLICTS = frozenset(
    {
        "cycle.lot_not_full",
        "cycle.too_few_lots",
        "group.full",
        "group.has_organiser",
        "group.not_forming",
        "group.not_running",
        "idempotency.in_flight",
        "import.already_committed",
        "import.forgotten",
        "import.has_errors",
        "import.lived_on",
        "import.not_committed",
        "import.undone",
        "invite.known",
        "invite.refused",
        "invite.too_soon",
        "ledger.already_reversed",
        "ledger.not_enough",
        "lot.held_already",
        "lot.no_room",
        "member.in_already",
        "member.organiser_stays",
        "suspend.organiser",
        "message.not_agreed",
        "message.not_resendable",
        "payment.already_answered",
        "payment.already_reversed",
        "payment.not_recorded",
        "payout.already_approved",
        "payout.already_paid",
        "payout.already_received",
        "payout.approver_pays",
        "payout.not_approved",
        "payout.not_paid",
        "payout.nothing_there",
        "person.phone_taken",
        "pin.none",
        "proposal.unreached",
        "role.no_organiser",
        "role.same",
        "rules.fewer_lots_than_taken",
        "tenant.code_taken",
    }
)

# Refusals that only programs and administrators meet; what people meet stands in core.sentences, in every language.
_SENTENCES = {
    "auction.sealed": "Sealed bids are shown to nobody before the cut-off.",
    "cursor.malformed": "That is not where a page ended: pass on the value of next as it was.",
    "group.has_organiser": "The group has an organiser already.",
    "idempotency.in_flight": "The first request with this Idempotency-Key is still being worked on.",
    "idempotency.other_request": "This Idempotency-Key was used before with another body.",
    "import.already_committed": "That book was committed already.",
    "import.cell_too_long": "A cell holds more than any book needs.",
    "import.damaged": "The file is damaged: open it in a spreadsheet program and save it once more.",
    "import.empty": "There is nothing in the file.",
    "import.forgotten": "That preview is too old and was forgotten: hand the file in again.",
    "import.has_errors": "The book does not add up yet: look at its lines.",
    "import.lived_on": "Something has happened in the equb since it was brought in: it cannot be undone any more.",
    "import.macros": "The file holds macros: save it as a plain .xlsx.",
    "import.malformed": "That is no upload: send the file as the body, or as multipart/form-data.",
    "import.not_a_book": "That is neither an .xlsx nor a .csv, nor a .zip of .csv files.",
    "import.not_committed": "That book was never committed.",
    "import.old_format": "The file is an old .xls or has a password: save it as a plain .xlsx.",
    "import.too_large": "The file is larger than any book.",
    "import.too_many_columns": "A line has more columns than any book needs.",
    "import.too_many_rows": "The file has more lines than the largest book.",
    "import.undone": "That import was undone.",
    "import.unknown": "There is no such import.",
    "import.unsafe": "The file holds something that no book needs, and is not opened.",
    "invalid": "The request does not have the form it should.",
    "lot.held_already": "The member holds a share of that lot already.",
    "lot.no_room": "Less than that is free of the lot.",
    "lot.unknown": "There is no such lot.",
    "member.in_already": "That person is a member already.",
    "message.not_agreed": "Whom it is for has not agreed to get it.",
    "message.not_resendable": "Only a message that failed, is held back or is uncertain can be sent again.",
    "message.unknown": "There is no such message.",
    "money.other_currency": "That is not the currency of the group.",
    "paper.no_such_table": "There is no such table: ask for one of those that are known.",
    "payment.holder_needed": "Somebody must hold cash: say in held_by which officer does.",
    "payment.holder_no_officer": "Only an officer who may record contributions can hold them.",
    "payout.payer_needed": "Cash comes out of somebody's hand: say in held_by which officer paid.",
    "payout.payer_no_officer": "Only an officer who may pay out can do so.",
    "person.phone_taken": "That number belongs to a person already.",
    "person.unknown": "There is no such person.",
    "rights.first_tenant": "Other tenants can only be looked after from the first one.",
    "rights.role": "None of your roles carries the right to do that.",
    "round.unknown": "There is no such round.",
    "share.of_one_lot": "A share of one lot is more than 0 and at most 1.",
    "role.no_organiser": "The group has no organiser in whose name the office could be offered.",
    "tenant.code_not_understood": "A tenant's code has 2 to 31 small letters, digits and dashes.",
    "tenant.code_taken": "There is a tenant with that code.",
    "tenant.currency_unknown": "That currency is not known here.",
    "tenant.own_suspended": "Nobody can suspend the tenant they are signed in to.",
    "tenant.timezone_unknown": "That time zone is not known.",
    "tenant.unknown": "There is no such tenant.",
    "token.too_many_tries": "Too many tries with this name. Wait before the next one.",
    "token.wrong": "The name or the password is wrong.",
}
# Standard members of a problem that facts must not hide.
_RENAMED = {"status": "state", "type": "kind", "title": "name", "detail": "about", "instance": "subject"}

# SQLSTATE classes of a database that is there but cannot now: connection, conflict, resources, operator, system.
_PASSING = ("08", "40", "53", "55", "57", "58")


def problem(
    status: int, kind: str, detail: str = "", *, headers: dict[str, str] | None = None, **facts: Any
) -> JSONResponse:
    """An error document; ``kind`` is the stable last part of its type, ``facts`` are further members."""
    body = {**facts, "type": f"{TYPE}{kind}", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    return answer(status, body, headers=headers)


def answer(status: int, body: dict[str, Any], *, headers: dict[str, str] | None = None) -> JSONResponse:
    """A document that is a problem already."""
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def described(said: str) -> dict[str, Any]:
    """How the OpenAPI document describes an error answer."""
    return {"description": said, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def refused(error: Refusal) -> tuple[int, dict[str, Any]]:
    """The status and the document of a refusal."""
    status = 404 if isinstance(error, NotFound) else 403 if isinstance(error, NotAllowed) else 422
    if status == 422 and error.code in _CONFLICTS:
        status = 409
    facts = {_RENAMED.get(name, name): _plain(value) for name, value in error.facts.items()}
    return status, {**facts, "type": f"{TYPE}{error.code}", "title": _title(error), "status": status}


def _title(error: Refusal) -> str:
    if error.code in _SENTENCES:
        return _SENTENCES[error.code]
    reader = Reader("en", TELEGRAM)
    try:
        return sentence(sentences.refusal(error.code, error.facts), reader)
    except KeyError:
        # A fact that its sentence names is missing; the code says what it is.
        return sentence(sentences.OTHER_REFUSAL(), reader)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case Money():
            return {"amount": value.decimal, "currency": value.currency}
        case datetime():
            return value.isoformat()
        case Iterable():
            return [_plain(one) for one in value]
        case _:
            return str(value)


def unavailable(detail: str, *, retry_seconds: float = RETRY_SECONDS) -> JSONResponse:
    """503: the same request may succeed later."""
    return problem(503, "unavailable", detail, headers={"Retry-After": str(max(1, round(retry_seconds)))})


def is_passing(error: BaseException) -> bool:
    """Whether the database is out of reach or busy, rather than asked something wrong."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | ConnectionError | TimeoutError):
        return True
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", "") or "")
        return error.connection_invalidated or state.startswith(_PASSING)
    # asyncpg's refusal to connect to a socket that is not there comes as it is.
    return isinstance(error, OSError | asyncio.IncompleteReadError)


async def _refusal(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return answer(*refused(error))


async def _try_later(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TryLater)
    return unavailable("Something outside does not answer.", retry_seconds=error.retry_seconds)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-").replace("'", "")
    detail = error.detail if isinstance(error.detail, str) and error.detail else ""
    return problem(error.status_code, kind, detail, headers=dict(error.headers or {}))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # Where and what, without the value: it may be a phone or a password.
    errors = [{"at": ".".join(map(str, one["loc"])), "said": one["msg"]} for one in error.errors()]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return problem(400, "malformed", "The body is not JSON.")
    return problem(422, "invalid", "The request does not have the form it should.", errors=errors)


async def _database(request: Request, error: Exception) -> JSONResponse:
    if is_passing(error):
        log.warning("database_unavailable", path=_template(request), error=type(error).__name__)
        return unavailable("The database cannot be reached now.")
    log.error("failed", path=_template(request), exc_info=error)
    return problem(500, "failed", "Something went wrong on our side.")


async def _bug(_request: Request, _error: Exception) -> JSONResponse:
    # Starlette raises the error again after this answer, and the server logs it.
    return problem(500, "failed", "Something went wrong on our side.")


def _template(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", ""))


def install(app: Starlette) -> None:
    """Make the application answer every error so."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(TryLater, _try_later)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for kind in (DBAPIError, PoolTimeout, OSError, asyncio.IncompleteReadError):
        app.add_exception_handler(kind, _database)
    app.add_exception_handler(Exception, _bug)
