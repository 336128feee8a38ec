"""The sandbox as one ASGI app: which path goes where, and the life of the world behind it.

The stand-ins that a bench pushes hard are found before any router; the rest are ordinary routes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox import faults, payments, phones, problems, segments, smsgw, telegram, twilio
from sandbox.beacon import GENESIS, PERIOD_SECONDS
from sandbox.problems import Problem
from sandbox.world import Settings, World, build

Handler = Callable[[Request, World], Awaitable[Response]]

_STATIC = Path(__file__).parent / "static"
_KEEP_ALIVE_SECONDS = 15.0


async def page(_request: Request, _world: World) -> Response:
    """GET /sandbox: the phones page."""
    return FileResponse(_STATIC / "phones.html", headers={"Cache-Control": "no-cache"})


async def events(_request: Request, world: World) -> Response:
    """GET /sandbox/events: an event stream; each names the phones whose screens changed ("" = the cast)."""

    async def stream() -> AsyncIterator[str]:
        queue = world.people.listen()
        try:
            yield "event: hello\ndata: {}\n\n"
            while True:
                try:
                    changed = {await asyncio.wait_for(queue.get(), _KEEP_ALIVE_SECONDS)}
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                await asyncio.sleep(0.05)  # a burst becomes one event
                while not queue.empty():
                    changed.add(queue.get_nowait())
                yield f"data: {json.dumps({'phones': sorted(changed)})}\n\n"
        finally:
            world.people.forget(queue)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


async def register_tenant(request: Request, world: World) -> Response:
    """POST /sandbox/tenants: the system's credentials with us. Sets the bot's webhook when it has none."""
    tenant = world.tenants.register(await phones.json_body(request))
    if tenant.bot_id is not None and tenant.telegram_secret:
        bot = world.bots.bot(tenant.bot_id)
        if not bot.webhook:
            url = f"{world.settings.target}/t/{tenant.code}/telegram"
            world.bots.set_webhook(bot, url, secret=tenant.telegram_secret, allowed=None)
    return JSONResponse({"code": tenant.code, "bot_id": tenant.bot_id})


async def list_faults(_request: Request, world: World) -> Response:
    """GET /sandbox/faults: what is still to go wrong."""
    return JSONResponse({"items": world.faults.listing(), "kinds": faults.KINDS})


async def add_fault(request: Request, world: World) -> Response:
    """POST /sandbox/faults {"target", "kind", "times"}: the next n calls go wrong; times 0 takes it back."""
    body = await phones.json_body(request)
    target, kind, times = body.get("target"), body.get("kind"), body.get("times", 1)
    if not isinstance(target, str) or not target or len(target) > 40:
        raise Problem(422, "bad-fault", 'target is "telegram", "sms", "beacon" or the name of a provider.')
    if kind not in faults.KINDS:
        raise Problem(422, "bad-fault", f"kind is one of {', '.join(faults.KINDS)}.")
    if not isinstance(times, int) or isinstance(times, bool) or not 0 <= times <= 100_000:
        raise Problem(422, "bad-fault", "times is a whole number from 0 to 100000.")
    world.faults.add(target=target, kind=kind, times=times)
    return JSONResponse({"items": world.faults.listing()})


async def clear_faults(_request: Request, world: World) -> Response:
    """DELETE /sandbox/faults: everything behaves again."""
    world.faults.clear()
    return JSONResponse({"items": []})


async def pending(_request: Request, world: World) -> Response:
    """GET /sandbox/pending: {"in_flight"}: webhooks not answered, reports due, updates not fetched."""
    return JSONResponse({"in_flight": world.courier.under_way() + world.bots.unfetched()})


async def file(request: Request, world: World) -> Response:
    """GET /sandbox/files/{id}: a photo or document somebody was sent."""
    found = world.store.get_file(request.path_params["id"])
    if found is None:
        raise Problem(404, "no-such-file", "There is no such file.")
    name, mime, content = found
    # Shown in the page's own origin, so only pictures are shown; everything else is downloaded.
    safe = mime if mime in ("image/png", "image/jpeg", "image/gif", "image/webp") else "application/octet-stream"
    plain_name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name)[:80]
    place = "inline" if safe == mime else "attachment"
    headers = {
        "Content-Disposition": f'{place}; filename="{plain_name.encode("ascii", "replace").decode()}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=safe, headers=headers)


async def count_segments(request: Request, _world: World) -> Response:
    """POST /sandbox/segments {"text"}: {"encoding", "count", "units", "left"}."""
    size = segments.count(str((await phones.json_body(request)).get("text") or ""))
    return JSONResponse({"encoding": size.encoding, "count": size.count, "units": size.units, "left": size.left})


async def beacon_info(_request: Request, world: World) -> Response:
    """GET /sandbox/beacon/info: what the system needs to trust this beacon."""
    return JSONResponse(
        {
            "chain_hash": world.beacon.chain_hash,
            "public_key": world.beacon.public_key,
            "genesis": GENESIS,
            "period": PERIOD_SECONDS,
            "urls": [f"http://127.0.0.1:{world.settings.port}/beacon"],
        }
    )


async def beacon_chain(request: Request, world: World) -> Response:
    """GET /beacon/{chain}/info and /beacon/{chain}/public/{round|latest}, as a drand node answers."""
    fault = world.faults.take("beacon")
    await faults.before_work(request, fault)
    if fault == "drop_after_commit":
        raise faults.Hangup
    if fault in ("429", "403", "5xx"):
        return JSONResponse({"error": "unavailable"}, status_code=503 if fault == "5xx" else int(fault))
    if request.path_params["chain"] != world.beacon.chain_hash:
        return JSONResponse({"error": "unknown chain hash"}, status_code=404)
    wanted = request.path_params.get("round")
    if wanted is None:
        return JSONResponse(world.beacon.info())
    latest = world.beacon.latest(world.clock.unix_seconds())
    number = latest if wanted == "latest" else int(wanted) if wanted.isdigit() and len(wanted) < 16 else 0
    if not 1 <= number <= latest:
        return JSONResponse({"error": "this round does not exist yet or never will"}, status_code=404)
    return JSONResponse(world.beacon.round(number))


_ROUTES: list[tuple[str, list[str], Handler]] = [
    ("/sandbox", ["GET"], page),
    ("/sandbox/", ["GET"], page),
    ("/sandbox/events", ["GET"], events),
    ("/sandbox/tenants", ["POST"], register_tenant),
    ("/sandbox/phones", ["GET"], phones.cast),
    ("/sandbox/phones", ["POST"], phones.add),
    ("/sandbox/phones/{phone}", ["PUT"], phones.change),
    ("/sandbox/phones/{phone}", ["DELETE"], phones.hide),
    ("/sandbox/phones/{phone}/sms", ["POST"], phones.send_sms),
    ("/sandbox/phones/{phone}/ussd", ["POST"], phones.use_ussd),
    ("/sandbox/phones/{phone}/telegram", ["POST"], phones.use_telegram),
    ("/sandbox/phones/{phone}/block", ["POST"], phones.block),
    ("/sandbox/phones/{phone}/messages", ["GET"], phones.received),
    ("/sandbox/phones/{phone}/conversation", ["GET"], phones.conversation),
    ("/sandbox/payments", ["GET"], payments.listing),
    ("/sandbox/payments/{reference}", ["POST"], payments.settle),
    ("/sandbox/providers/{provider}/checkouts", ["POST"], payments.open_checkout),
    ("/sandbox/providers/{provider}/checkouts/{reference}", ["GET"], payments.look_up),
    ("/sandbox/faults", ["GET"], list_faults),
    ("/sandbox/faults", ["POST"], add_fault),
    ("/sandbox/faults", ["DELETE"], clear_faults),
    ("/sandbox/pending", ["GET"], pending),
    ("/sandbox/segments", ["POST"], count_segments),
    ("/sandbox/files/{id}", ["GET"], file),
    ("/sandbox/beacon/info", ["GET"], beacon_info),
    ("/beacon/{chain}/info", ["GET"], beacon_chain),
    ("/beacon/{chain}/public/{round}", ["GET"], beacon_chain),
    ("/smsgw/messages/{id}", ["GET"], smsgw.look_up),
    ("/twilio/2010-04-01/Accounts/{sid}/Messages.json", ["GET", "POST"], twilio.messages),
    ("/twilio/2010-04-01/Accounts/{sid}/Messages/{message}.json", ["GET"], twilio.message),
]


class Sandbox:
    """The outermost app: the busy paths first, and a line that is cut when a handler says so."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._world: World | None = None
        routes = [Route(path, self._bound(handler), methods=methods) for path, methods, handler in _ROUTES]
        static = Mount("/sandbox/static", StaticFiles(directory=_STATIC))
        self._router: ASGIApp = Starlette(
            routes=[*routes, static],
            exception_handlers={Problem: problems.answer},
            lifespan=self._lifespan,
        )

    def _bound(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            assert self._world is not None, "the world is built before the first request"
            return await handler(request, self._world)

        return endpoint

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        world = build(self._settings)
        smsgw.register(world)
        twilio.register(world)
        payments.register(world)
        for delivery in world.courier.resume():
            if delivery.kind == "telegram":
                world.bots.adopt(delivery)
        self._world = world
        yield
        await world.courier.close()
        world.store.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            handler = _busy(scope["path"]) if scope["type"] == "http" else None
            if handler is None:
                await self._router(scope, receive, send)
                return
            assert self._world is not None, "the world is built before the first request"
            response = await handler(Request(scope, receive), self._world)
            await response(scope, receive, send)
        except faults.Hangup:
            await _cut(send)


def _busy(path: str) -> Handler | None:
    if path.startswith("/bot"):
        return telegram.endpoint
    if path == "/smsgw/send":
        return smsgw.send
    if path.startswith("/file/bot"):
        return telegram.download
    return None


async def _cut(send: Send) -> None:
    """Close the connection without an answer. ASGI has no word for it: the server's transport is asked."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("this server does not let a connection be cut")
    transport.abort()
    # Let the server notice, or it logs that the handler forgot to answer.
    await asyncio.sleep(0.01)
