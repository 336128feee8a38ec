"""What the API is, for programs and for people: ``/api/v1/openapi.json`` and ``/api/docs``.

The page is made here from the document, in plain HTML: it loads nothing from anywhere and runs no script.
"""

import html
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Response
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.problems import described
from api.tokens import RIGHT_OF

_ABOUT = """\
For the administrators of a tenant. Sign in with `POST /api/v1/token` and send the token as
`Authorization: Bearer …`; what you may do depends on your roles, and you only ever see your own tenant.

Money is `{"amount": "1000.00", "currency": "ETB"}`, instants are RFC 3339 with offset, ids are UUIDs. Lists are
`{"items": […], "next": …}`: pass `next` as `after` to go on. Every POST takes an `Idempotency-Key`: the same key and
body gives the first answer again and does nothing twice. Errors are RFC 9457 problem documents: `type` is stable,
`title` says in English what is the matter, further members are its facts."""

_TAGS = [
    ("token", "Signing in."),
    ("tenants", "The operators of this installation."),
    ("people", "Human beings, known by their phones and Telegram accounts."),
    ("groups", "Equbs: people with one set of rules, while they form and when they begin."),
    ("members and lots", "Who is in a group, in which office, with which share of which lot."),
    ("turns, bids and decisions", "How lots are found where they are not drawn in each round."),
    ("rounds, dues and draws", "What a cycle consists of, what falls due, and how lots were found."),
    ("pauses", "Times in which no round falls due, proposed and ended."),
    ("proposals and offices", "What waits for people's own word, and what they said; offices are offered."),
    ("standing of members", "Excused, deferred, suspended, answered for, replaced, late or gone; cash in hand."),
    ("disputes", "What members say is wrong in the book, and what is answered."),
    ("payments", "Contributions: claimed, recorded, verified, declined, reversed."),
    ("payouts", "Pots on their way to the holders of drawn lots."),
    ("money", "Fines by hand, loans out of a pot, funds."),
    ("papers", "What can be printed, opened as a spreadsheet, or looked at: statements, the book, the circle."),
    ("ledger", "The book: accounts, transfers and statements. Nothing is posted here."),
    ("imports", "Running equbs from their paper books: previewed line by line, committed as one, undone as one."),
    ("messages", "What was said to people."),
    ("audit", "Who did what."),
]

_PROBLEM = {
    "title": "Problem",
    "type": "object",
    "description": "An error (RFC 9457). Further members are its facts.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/rules.does_not_add_up"]},
        "title": {"type": "string", "description": "what is the matter, in English"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "what a validation found",
            "items": {
                "type": "object",
                "properties": {"at": {"type": "string"}, "said": {"type": "string"}},
                "required": ["at", "said"],
            },
        },
    },
    "additionalProperties": True,
}

_ALWAYS = {
    "422": "The request does not have the form it should, or a rule refuses it.",
    "503": "Something that is needed does not answer now; try again.",
}


def document(routes: list[APIRoute]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes."""
    made = get_openapi(
        title="Equb",
        version="1",
        openapi_version="3.1.0",
        summary="The admin API of the platform on which rotating savings groups run",
        description=_ABOUT,
        routes=routes,
        tags=[{"name": name, "description": about} for name, about in _TAGS],
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for leftover in ("HTTPValidationError", "ValidationError"):
        schemas.pop(leftover, None)
    for route in routes:
        for method in route.methods or ():
            _complete(made["paths"][route.path][method.lower()], route, method)
    return made


def _complete(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    """Say which right it needs, and every problem that it may answer with."""
    right = right_of(route.dependant)
    problems = dict(_ALWAYS)
    if right is not None:
        operation["description"] = f"{operation.get('description', '')}\n\nRight: `{right}`.".strip()
        problems |= {"401": "The token is missing or not valid.", "403": f"No role of yours carries {right}."}
    if "{" in route.path or method == "POST" or right in ("read", "configure"):
        problems["404"] = "What was named does not exist, or not for you."
    if method in ("POST", "PATCH") and right is not None:
        problems["409"] = "The state of things forbids it, or the first such request is still under way."
    if "requestBody" in operation:
        problems["400"] = "The body is not JSON."
    for status, said in problems.items():
        if status == "422" or status not in operation["responses"]:
            operation["responses"][status] = described(said)


def right_of(dependant: Dependant) -> str | None:
    """The right that a route asks for."""
    if dependant.call in RIGHT_OF:
        return RIGHT_OF[dependant.call]
    for inner in dependant.dependencies:
        found = right_of(inner)
        if found is not None:
            return found
    return None


_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;color:#1c1b18;background:#fbfaf7}
h1{margin:.5rem 0}h2{margin:2rem 0 .5rem;border-bottom:2px solid #1f6f54}p{margin:.4rem 0}
details{border:1px solid #d8d4c8;border-radius:.4rem;margin:.4rem 0;background:#fff}
summary{padding:.5rem .8rem;cursor:pointer}summary b{display:inline-block;width:4rem;color:#1f6f54}
details>div{padding:0 .8rem .6rem}code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:#f3f1ea;padding:.6rem;overflow:auto;border-radius:.3rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.2rem .5rem;border-bottom:1px solid #e6e2d6;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#171714;color:#e9e6dc}details{background:#1f1f1b;border-color:#3a3932}
pre{background:#262620}td,th{border-color:#3a3932}summary b,h2{color:#6fcfa8}}
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def _text(said: Any) -> str:
    """Escaped, with what stands between backticks as code."""
    pieces = html.escape(str(said)).split("`")
    return "".join(f"<code>{piece}</code>" if n % 2 else piece for n, piece in enumerate(pieces))


def _page(made: dict[str, Any]) -> str:
    parts = [f"<h1>{_text(made['info']['title'])}</h1><p>{_text(made['info']['summary'])}</p>"]
    parts += [f"<p>{_text(part)}</p>" for part in made["info"]["description"].split("\n\n")]
    parts.append('<p><a href="/api/v1/openapi.json">OpenAPI document</a></p>')
    for tag in made["tags"]:
        parts.append(f"<h2>{_text(tag['name'])}</h2><p>{_text(tag['description'])}</p>")
        for path, operations in made["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation.get("tags", []):
                    parts += _operation(path, method, operation)
    parts.append("<h2>Shapes</h2>")
    for name, schema in sorted(made["components"]["schemas"].items()):
        summary = f"<summary>{_text(name)}: {_text(schema.get('description', ''))}</summary>"
        parts.append(f'<details id="{html.escape(name)}">{summary}<div>{_json(schema)}</div></details>')
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    title = "<title>Equb API</title>"
    return f"<!doctype html><html lang=en>{head}{title}<style>{_STYLE}</style>{''.join(parts)}</html>"


def _json(said: Any) -> str:
    return f"<pre>{html.escape(json.dumps(said, indent=2, ensure_ascii=False))}</pre>"


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<details><summary><b>{method.upper()}</b> <code>{html.escape(path)}</code> {_text(operation['summary'])}"
    yield "</summary><div>"
    for part in operation.get("description", "").split("\n\n"):
        yield f"<p>{_text(part)}</p>"
    if operation.get("parameters"):
        yield "<table><tr><th>parameter</th><th>in</th><th></th></tr>"
        for one in operation["parameters"]:
            must = "required. " if one.get("required") else ""
            about = _text(must + one.get("description", ""))
            yield f"<tr><td><code>{html.escape(one['name'])}</code></td><td>{one['in']}</td><td>{about}</td></tr>"
        yield "</table>"
    for kind, body in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body: <code>{html.escape(kind)}</code> {_named(body.get('schema', {}))}</p>"
    yield "<table><tr><th>status</th><th></th><th>shape</th></tr>"
    for status, answer in sorted(operation["responses"].items()):
        schemas = [_named(content.get("schema", {})) for content in answer.get("content", {}).values()]
        yield f"<tr><td>{status}</td><td>{_text(answer['description'])}</td><td>{' '.join(schemas)}</td></tr>"
    yield "</table></div></details>"


def _named(schema: dict[str, Any]) -> str:
    """A link to the shape."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return f'<a href="#{html.escape(name)}">{html.escape(name)}</a>' if name else ""


def routes_for(documented: Sequence[APIRouter]) -> APIRouter:
    """The two addresses, for the routes of those routers."""
    router = APIRouter(include_in_schema=False)

    @lru_cache(maxsize=1)
    def made() -> dict[str, Any]:
        return document([route for one in documented for route in one.routes if isinstance(route, APIRoute)])

    @lru_cache(maxsize=1)
    def page() -> str:
        return _page(made())

    @router.get("/api/v1/openapi.json")
    async def openapi() -> dict[str, Any]:
        """The OpenAPI 3.1 document."""
        return made()

    @router.get("/api/docs")
    async def docs() -> Response:
        """The page for people."""
        return Response(page(), media_type="text/html; charset=utf-8", headers=_HEADERS)

    return router
