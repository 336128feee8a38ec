"""Which operators exist and with which credentials they talk to us; told by the system at its start.

Owns the finding of a tenant by bot, by Twilio account and by gateway secret.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from sandbox.problems import Problem
from sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Tenant:
    """Credentials of one operator as the outside world knows them. default_sms: "http" or "twilio".

    twilio_stop_words: Twilio takes STOP and its like for itself on this number, as it does by default.
    """

    code: str
    telegram_token: str = ""
    telegram_secret: str = ""
    twilio_sid: str = ""
    twilio_token: str = ""
    twilio_number: str = ""
    twilio_stop_words: bool = True
    http_secret: str = ""
    http_number: str = ""
    default_sms: str = "http"

    @property
    def bot_id(self) -> int | None:
        """The number before the colon of the bot's token."""
        head = self.telegram_token.partition(":")[0]
        return int(head) if head.isdigit() else None


class Tenants:
    """All registered tenants, by everything they can be found by."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.by_code: dict[str, Tenant] = {}
        self.by_http_secret: dict[str, Tenant] = {}
        self.by_twilio_sid: dict[str, Tenant] = {}
        for _, body in store.load("tenant"):
            self._admit(Tenant(**body))

    def register(self, body: dict[str, Any]) -> Tenant:
        """Take a tenant in or replace it; unknown fields are ignored. 422 Problem without a code."""
        known = {field.name: field.type for field in fields(Tenant)}
        given = {name: value for name, value in body.items() if name in known and value is not None}
        for name, value in given.items():
            if not isinstance(value, bool if name == "twilio_stop_words" else str):
                raise Problem(422, "bad-tenant", f"The field {name} of a tenant has the wrong type.")
        if not given.get("code"):
            raise Problem(422, "bad-tenant", "A tenant needs a code.")
        if given.get("default_sms", "http") not in ("http", "twilio"):
            raise Problem(422, "bad-tenant", 'default_sms is "http" or "twilio".')
        tenant = Tenant(**given)
        self._store.put("tenant", tenant.code, asdict(tenant))
        self._admit(tenant)
        return tenant

    def _admit(self, tenant: Tenant) -> None:
        former = self.by_code.get(tenant.code)
        if former is not None:
            self.by_http_secret.pop(former.http_secret, None)
            self.by_twilio_sid.pop(former.twilio_sid, None)
        self.by_code[tenant.code] = tenant
        if tenant.http_secret:
            self.by_http_secret[tenant.http_secret] = tenant
        if tenant.twilio_sid:
            self.by_twilio_sid[tenant.twilio_sid] = tenant

    def get(self, code: str) -> Tenant:
        """The tenant of this code; 404 Problem when the system has not registered it."""
        tenant = self.by_code.get(code)
        if tenant is None:
            raise Problem(404, "no-such-tenant", f"The system has not registered a tenant {code!r} here yet.")
        return tenant
