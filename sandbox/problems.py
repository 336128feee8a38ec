"""Errors of the sandbox's own API as application/problem+json: a stable type and one plain sentence.

The stand-ins answer in their providers' envelopes instead, never through here.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class Problem(Exception):
    """Raised by a handler of the sandbox API; kind is the stable last part of the type."""

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail


def answer(_request: Request, problem: Exception) -> Response:
    """Starlette exception handler for Problem."""
    assert isinstance(problem, Problem)
    body = {
        "type": f"/sandbox/problems/{problem.kind}",
        "title": problem.kind.replace("-", " ").capitalize(),
        "status": problem.status,
        "detail": problem.detail,
    }
    return JSONResponse(body, status_code=problem.status, media_type="application/problem+json")
