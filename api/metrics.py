"""What Prometheus can ask for: requests, what arrived, what was delivered. Names and labels, and the middleware.

Labels hold route templates, gateways and outcomes; never a tenant's person, a phone or a free text.
"""

from time import perf_counter

from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS = Counter("equb_http_requests_total", "HTTP requests", ["method", "route", "status"])
SECONDS = Histogram(
    "equb_http_request_seconds",
    "Seconds until the answer began",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
INBOUND = Counter(
    "equb_inbound_total",
    "Messages of people, by what became of them: new, repeated, ignored, reach, hint, refused, malformed",
    ["gateway", "result"],
)
REPORTS = Counter("equb_delivery_reports_total", "Delivery reports", ["gateway", "state"])
DELIVERIES = Counter("equb_replies_total", "Replies sent by this process, by outcome", ["gateway", "outcome"])
IN_FLIGHT = Gauge("equb_replies_in_flight", "Replies that this process is delivering now")
WAITING = Gauge("equb_outbox_waiting", "Messages due and not yet sent", ["tenant"])
OLDEST = Gauge("equb_outbox_oldest_seconds", "How long the oldest of them has been due", ["tenant"])

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Measured:
    """ASGI middleware that counts requests and their time by route template."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500
        took: float | None = None

        async def watch(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                # Until the answer begins: an event stream lasts as long as somebody looks at it.
                status, took = message["status"], perf_counter() - began
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            # Set by the router; a path that nobody serves must not become a label.
            route = str(getattr(scope.get("route"), "path", "") or "none")
            REQUESTS.labels(method, route, str(status)).inc()
            SECONDS.labels(method, route).observe(took if took is not None else perf_counter() - began)
