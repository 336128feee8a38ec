"""What every SMS has in common, whichever gateway carries it: how it reaches a phone and is kept.

Owns the record of each message by the gateway's id and by the sender's own, and whether a phone can
be reached. Knows no wire format.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.people import People, Phone
from sandbox.segments import count
from sandbox.store import Store


@dataclass(slots=True)
class Sms:
    """One message to a phone. status: "delivered", "failed" or "sent" (nothing more will be known).

    error: Twilio's number for what went wrong, 0 when nothing did. ref: the sender's own id.
    """

    id: str
    gateway: str
    account: str
    ref: str
    to: str
    sender: str
    text: str
    segments: int
    status: str
    error: int
    at: str
    service: str = ""


class Messages:
    """All messages sent through the gateways."""

    def __init__(self, store: Store, people: People, clock: Clock, faults: Faults) -> None:
        self._store, self._people, self._clock, self._faults = store, people, clock, faults
        self.by_id: dict[str, Sms] = {}
        self._by_ref: dict[tuple[str, str, str], Sms] = {}
        self._by_to: defaultdict[tuple[str, str], list[Sms]] = defaultdict(list)
        self._by_account: defaultdict[str, list[Sms]] = defaultdict(list)
        for message in sorted((Sms(**body) for _, body in store.load("sms")), key=lambda message: message.at):
            self._admit(message)

    def _admit(self, message: Sms) -> None:
        self.by_id[message.id] = message
        self._by_to[(message.account, message.to)].append(message)
        self._by_account[message.account].append(message)
        if message.ref:
            self._by_ref[(message.gateway, message.account, message.ref)] = message

    def by_ref(self, *, gateway: str, account: str, ref: str) -> Sms | None:
        """The newest message that its sender called by this id."""
        return self._by_ref.get((gateway, account, ref))

    def of_account(self, account: str, *, to: str | None) -> Iterator[Sms]:
        """Messages of an account, newest first, all or to one number."""
        return reversed(self._by_account[account] if to is None else self._by_to[(account, to)])

    def send(
        self,
        *,
        id: str,
        gateway: str,
        account: str,
        ref: str,
        to: Phone,
        sender: str,
        text: str,
        service: str = "",
    ) -> Sms:
        """Put the message on the phone's screen, unless the phone cannot be reached, and keep its record."""
        size = count(text)
        bent = self._faults.take("sms", gateway, kinds=("fail", "silence"))
        error = {"off": 30003, "gone": 30005}.get(to.reach, 30008 if bent == "fail" else 0)
        status = "failed" if error else "sent" if bent == "silence" else "delivered"
        message = Sms(
            id=id,
            gateway=gateway,
            account=account,
            ref=ref,
            to=to.number,
            sender=sender,
            text=text,
            segments=size.count,
            status=status,
            error=error,
            at=self._clock.stamp(),
            service=service,
        )
        with self._store.together():
            self._store.put("sms", id, asdict(message))
            if not error:
                self.show(to, sender=sender, text=text, mine=False)
        self._admit(message)
        return message

    def show(self, phone: Phone, *, sender: str, text: str, mine: bool) -> None:
        """A line on the phone's screen; sender is the number at the other end, also for the phone's own."""
        size = count(text)
        extra: dict[str, Any] = {"peer": sender, "segments": size.count, "encoding": size.encoding}
        self._people.add(phone, channel="sms", mine=mine, text=text, extra=extra)

    def reports(self, gateway: str, statuses: list[str]) -> list[str]:
        """In which order, and how often, these states are reported, bent by a fault when one is due."""
        bent = self._faults.take("sms", gateway, kinds=("reorder", "duplicate"))
        if bent == "reorder":
            return statuses[::-1]
        return [status for status in statuses for _ in range(2 if bent == "duplicate" else 1)]
