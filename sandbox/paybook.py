"""The book of a payment provider: every checkout and what became of it. Kept, never forgotten."""

from dataclasses import asdict, dataclass

from sandbox.store import Store


@dataclass(slots=True)
class Payment:
    """One checkout. status: pending, succeeded or failed; paid is the amount that really came."""

    reference: str
    provider: str
    phone: str
    amount: str
    currency: str
    webhook_url: str
    secret: str
    at: str
    status: str = "pending"
    paid: str = "0.00"
    outcome: str = ""


class Payments:
    """All checkouts by reference; references are the system's own and unique for ever."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.by_reference = {key: Payment(**body) for key, body in store.load("payment")}

    def save(self, payment: Payment) -> None:
        """Keep a new or changed payment."""
        self.by_reference[payment.reference] = payment
        self._store.put("payment", payment.reference, asdict(payment))
