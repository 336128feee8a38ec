"""The two kinds of error that are not bugs.

A ``Refusal`` is a rule saying no; it carries a stable code and facts, never text, and becomes a sentence in
the person's language (``core.sentences``) or a problem document (``api.problems``) in one place each.
``TryLater`` is the world being unavailable: counted and retried, nobody is paged. Everything else is a bug.
"""

from typing import Any


class Refusal(Exception):
    """A rule said no. ``code`` is stable and dotted (``"payment.too_much"``), ``facts`` are plain values."""

    def __init__(self, code: str, /, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.code} {self.facts}" if self.facts else self.code


class NotFound(Refusal):
    """What was named does not exist, or not for the one who asks: the two look alike on purpose."""


class NotAllowed(Refusal):
    """The one who asks has not the right; ``core.operator.rights`` is the only place that raises it."""


class TryLater(Exception):
    """Something outside cannot answer now. ``retry_seconds`` is a hint."""

    def __init__(self, reason: str, *, retry_seconds: float = 30.0) -> None:
        super().__init__(reason)
        self.retry_seconds = retry_seconds
