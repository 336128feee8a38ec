"""Logs: one JSON object a line on standard error, without secrets and with phones masked.

Tracebacks go to the log, never to a person, and without the values of variables: those hold names and money.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_PHONE = re.compile(r"\+?\d{9,15}\b")


def mask(text: str) -> str:
    """The text with everything that looks like a phone number masked but for its end."""
    return _PHONE.sub(lambda found: f"…{found[0][-2:]}", text)


def _masked(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: mask(value) if isinstance(value, str) else value for name, value in event.items()}


def configure(level: str) -> None:
    """Set up logging of this process; ``level`` is debug, info, warning or error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=number, format="%(message)s", stream=sys.stderr, force=True)
    # These tell every request, at a level that is meant for things worth reading.
    for chatty in ("httpx", "httpcore", "aiogram.event", "twilio.http_client", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _masked,
            # The machine's own time: a log that follows the moved clock of the sandbox could not be read.
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
