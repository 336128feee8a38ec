"""Settings: environment variables ``EQUB_…`` (and ``PORT``), read once, checked at once.

A missing or malformed one is one clear line on standard error and exit status 2. ``.env.example`` lists them
all with their defaults; a test keeps the two the same.
"""

import base64
import sys
from functools import lru_cache
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.order.draw.randomness import QUICKNET


class Settings(BaseSettings):
    """Every setting of the platform; the names are the environment's, less the prefix ``EQUB_``."""

    model_config = SettingsConfigDict(env_prefix="EQUB_", extra="ignore", frozen=True)

    mode: Literal["sandbox", "production"] = Field("production", description="sandbox allows a moved clock")
    home: str = Field(".equb", description="folder for what ./equb run keeps")
    port: int = Field(8000, validation_alias="PORT", description="port of the HTTP side")
    database_url: str = Field(description="postgresql://equb_app@… as the application's own role")
    database_owner_url: str = Field("", description="the same database as equb_owner, for migrations and audit")
    database_pool_size: int = Field(10, ge=1, le=200, description="connections per process")
    redis_url: str = Field(description="redis://… or unix://…; Redis of its own, append-only")
    public_url: str = Field("http://127.0.0.1:8000", description="how the world reaches us, without a slash")
    secret_keys: str = Field(description="key ring id:base64url of 32 bytes, comma-separated; the first encrypts")
    index_key: str = Field(description="base64url of 32 bytes: blind index of phones; never changes")
    jwt_key: str = Field(description="base64url of 32 bytes or more: signs the API's bearer tokens")
    clock_file: str = Field("", description="sandbox only: file with the clock's offset in seconds")
    sandbox_url: str = Field("", description="sandbox only: where the stand-ins listen")
    beacon_urls: str = Field(
        "https://api.drand.sh,https://api2.drand.sh,https://api3.drand.sh,https://drand.cloudflare.com",
        description="mirrors of the public randomness beacon, comma-separated",
    )
    beacon_chain: str = Field(QUICKNET.chain, description="the beacon's chain hash (default drand quicknet)")
    beacon_public_key: str = Field(QUICKNET.public_key, description="the beacon's public key")
    beacon_genesis: int = Field(QUICKNET.genesis, description="the beacon's first round, Unix seconds")
    beacon_period: int = Field(QUICKNET.period_seconds, ge=1, description="seconds between two rounds of the beacon")
    telegram_api: str = Field("https://api.telegram.org", description="Telegram Bot API")
    telegram_rate: int = Field(30, ge=1, description="notices a second and bot; Telegram allows about 30")
    twilio_api: str = Field("https://api.twilio.com", description="Twilio REST API")
    sms_rate: int = Field(10, ge=1, description="SMS parts a second and sender; Twilio allows 10")
    telegram_token: str = Field("", description="bot token of the first tenant")
    telegram_secret: str = Field("", description="secret of its webhook, A-Za-z0-9_-; empty = long polling")
    twilio_account_sid: str = Field("", description="Twilio account of the first tenant")
    twilio_auth_token: str = Field("", description="its token")
    twilio_from: str = Field("", description="its sender: a number or an alphanumeric name")
    twilio_reply: Literal["rest", "twiml"] = Field("rest", description="how an SMS through Twilio is answered")
    sms_http_url: str = Field("", description="plain HTTP gateway of the first tenant: where to post messages")
    sms_http_secret: str = Field("", description="its shared secret")
    sms_http_from: str = Field("", description="its short code")
    log: Literal["debug", "info", "warning", "error"] = Field("info", description="how much is logged")

    @field_validator("index_key", "jwt_key")
    @classmethod
    def _key(cls, value: str) -> str:
        decode_key(value)
        return value

    @field_validator("secret_keys")
    @classmethod
    def _ring(cls, value: str) -> str:
        for part in value.split(","):
            name, _, key = part.partition(":")
            if not name or len(decode_key(key)) != 32:
                raise ValueError("must be id:base64url of 32 bytes, comma-separated")
        return value

    @property
    def sandbox(self) -> bool:
        return self.mode == "sandbox"


def decode_key(value: str) -> bytes:
    """base64url, with or without padding, of at least 32 bytes; raises ``ValueError`` otherwise."""
    key = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    if len(key) < 32:
        raise ValueError("must be base64url of at least 32 bytes")
    return key


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process. Exits with status 2 and one line when the environment is not usable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        name = name if name == "PORT" else f"EQUB_{name}"
        said = "is not set" if first["type"] == "missing" else f"is malformed: {first['msg']}"
        print(f"equb: {name} {said} (see .env.example)", file=sys.stderr)
        raise SystemExit(2) from None
