"""What every SMS gateway does for us, and the words in which it says so. One file for each gateway beside this.

A gateway's file is a module with the functions of ``Adapter``; ``ADAPTERS`` in the package names them. It refuses
to know the conversation: it turns webhooks into ``Inbound`` and ``Report``, and an ``Outgoing`` into a call.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core import phones
from core.errors import Refusal
from core.inbox import Inbound
from core.operator.gateways import Gateway
from core.telling.outbox import Delivery, Outgoing

# The useful life of a message: a reply is read within the hour or not at all, a notice still says something
# in the evening. What a gateway could not deliver by then it is told to drop.
REPLY_VALID_SECONDS = 4 * 3600
NOTICE_VALID_SECONDS = 10 * 3600

# How long a gateway may take to answer before nobody can say whether it took the message.
ANSWER_SECONDS = 20.0
# A gateway that nobody answers at, or that refuses our credentials, is asked again after this.
OUT_OF_REACH_SECONDS = 5.0
REFUSED_SECONDS = 300.0

_DIGITS = re.compile(r"\+?[0-9][0-9 ()./-]{6,}[0-9]")
# National numbers have nine digits and more; short codes have fewer.
_FEWEST_DIGITS = 9


@dataclass(frozen=True)
class Call:
    """A webhook as it came. ``url``: the address that we gave the gateway, never what the request says."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Ignored:
    """A webhook that is genuine and asks nothing of us; ``reason`` is for the log."""

    reason: str


@dataclass(frozen=True)
class Report:
    """What became of a message we sent. ``state``: sent, delivered or failed; ``reason``: ``dead`` or a code."""

    provider_id: str
    state: str
    reason: str | None
    status: str


class Malformed(Exception):
    """The body is not what this gateway sends."""


class Adapter(Protocol):
    """The contract of a gateway's module."""

    def verify(self, call: Call, gateway: Gateway) -> bool:
        """Whether the gateway itself sent this. Raises ``Malformed``."""

    def parse(self, call: Call, gateway: Gateway, received_at: datetime) -> Inbound | Ignored:
        """The message that a person sent. Raises ``Malformed``."""

    def answers_itself(self, call: Call) -> bool:
        """Whether the gateway has already answered the person, who would hear our answer as a second one."""

    def parse_status(self, call: Call, gateway: Gateway) -> Report | Ignored:
        """A delivery report. Raises ``Malformed``."""

    def answer(self, gateway: Gateway, texts: Sequence[str]) -> tuple[str, str]:
        """(content type, body) of our answer to a webhook, saying ``texts`` where the gateway lets it."""

    def answers_in_webhook(self, gateway: Gateway) -> bool:
        """Whether replies go into the answer to the webhook instead of a call of their own."""

    async def send(self, outgoing: Outgoing, gateway: Gateway, status_url: str) -> Delivery:
        """Send one message."""


def sender_phone(typed: str, gateway: Gateway) -> str | None:
    """The sender as E.164; None for names, short codes and our own number: answering those makes loops."""
    sender = typed.strip()
    if not _DIGITS.fullmatch(sender) or sum(letter.isdigit() for letter in sender) < _FEWEST_DIGITS:
        return None
    try:
        phone = phones.to_e164(sender)
    except Refusal:
        return None
    return None if phone == gateway.sender else phone


def valid_seconds(outgoing: Outgoing) -> int:
    """How long the message is worth delivering."""
    return REPLY_VALID_SECONDS if outgoing.priority == 0 else NOTICE_VALID_SECONDS


def halfway(delivery: Delivery, *, gone: int) -> Delivery:
    """What to say of a text in several messages when ``gone`` of them went before one did not.

    Sending the row again would repeat those, so that only a person may decide it: *unknown*.
    """
    if gone == 0 or delivery.outcome in ("sent", "dead"):
        return delivery
    return Delivery("unknown", reason=f"{gone} parts went, the next: {delivery.reason or delivery.outcome}")
