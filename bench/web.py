"""The outside, as lean as it can be: a client that posts webhooks, and a stub that takes what we send.

Raw asyncio, no framework, so that what is measured is ours. The stub answers like Telegram's Bot API and like the
plain HTTP gateway of SMS, always yes, and counts. Refuses everything else a real provider does (``sandbox`` does it).
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

Answer = tuple[int, bytes]


class _Line(asyncio.Protocol):
    """One kept connection; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._seen = b""
        self._answer: asyncio.Future[Answer] | None = None
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not asyncio's by name.
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        assert self._transport is not None and self._answer is None
        self._seen = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end or self._answer is None:
            return
        wanted = 0
        for line in head.lower().split(b"\r\n")[1:]:
            if line.startswith(b"content-length:"):
                wanted = int(line[15:])
        if len(body) >= wanted:
            answer, self._answer = self._answer, None
            answer.set_result((int(head[9:12]), body[:wanted]))

    def connection_lost(self, _error: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the connection ended before the answer"))
            self._answer = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Client:
    """Posts to our processes, each on a port of its own, over kept connections."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = tuple(ports)
        self._idle: dict[int, list[_Line]] = {port: [] for port in ports}
        self.sent = 0

    async def post(self, path: str, body: bytes, headers: str, *, process: int = 0) -> Answer:
        """Post a webhook to the n-th process: (status, body). Sent again when an idle connection had just ended:
        a webhook may be repeated."""
        head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        return await self.send(head.encode() + body, process=process)

    async def get(self, path: str, *, process: int = 0) -> Answer:
        return await self.send(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode(), process=process)

    async def send(self, request: bytes, *, process: int = 0) -> Answer:
        port = self.ports[process % len(self.ports)]
        idle = self._idle[port]
        self.sent += 1
        while idle:
            line = idle.pop()
            if line.open:
                try:
                    answer = await line.ask(request)
                except ConnectionError:
                    continue
                idle.append(line)
                return answer
        _, line = await asyncio.get_running_loop().create_connection(_Line, "127.0.0.1", port)
        answer = await line.ask(request)
        idle.append(line)
        return answer

    def close(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


@dataclass
class Stub:
    """The providers. ``taken`` counts what we sent, by what it is; ``heard`` is set by each message."""

    port: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Taking(self), "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def answer(self, path: str) -> bytes:
        """What a provider says to a call of ours."""
        method = path.rpartition("/")[2]
        self.taken[method] += 1
        number = sum(self.taken.values())
        if method == "sms":
            said: object = {"id": f"stub-{number}", "segments": 1}
        elif method == "sendMessage":
            chat = {"id": 1, "type": "private"}
            said = {"ok": True, "result": {"message_id": number, "date": 1, "chat": chat, "text": "."}}
        else:
            said = {"ok": True, "result": True}
        if method in ("sms", "sendMessage"):
            self.heard.set()
        return json.dumps(said).encode()


class _Taking(asyncio.Protocol):
    """One connection of ours to a provider. Bodies are skipped, by length or in chunks."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end:
            return
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            if not body.endswith(b"0\r\n\r\n"):
                return
        else:
            _, _, length = lower.partition(b"content-length:")
            if len(body) < int(length.split(b"\r\n", 1)[0] or 0):
                return
        self._seen = b""
        said = self._stub.answer(head.split(b" ", 2)[1].decode())
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(said) + said
        )
