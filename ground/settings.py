"""Settings from the environment (MARKET_…), read once at the start and handed on."""

import os
from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ground.refusal import Refusal

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Every setting, with what it means; secrets take two values separated by a comma while they are rotated."""

    model_config = SettingsConfigDict(env_prefix="MARKET_", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr | None = Field(default=None, description="a PostgreSQL server; absent = the embedded one")
    data_dir: Path = Field(default=PROJECT / ".data", description="where the embedded database and its key live")
    secret_key: SecretStr | None = Field(default=None, description="signs sessions, keys the hashes")
    base_url: str = Field(default="http://127.0.0.1:8000", description="what printed links begin with")
    language: str = Field(default="", description="vi or en for the command line; absent = from LANG")
    sepay_api_key: SecretStr | None = Field(default=None, description="SePay's `Authorization: Apikey …`")
    sepay_hmac_secret: SecretStr | None = Field(default=None, description="SePay's X-SePay-Signature")
    sepay_api_token: SecretStr | None = Field(default=None, description="SePay's API, for `statement fetch`")
    sepay_api_base: str = Field(default="https://my.sepay.vn", description="where SePay's API answers")
    casso_checksum_key: SecretStr | None = Field(default=None, description="Casso v2's X-Casso-Signature")
    casso_secure_token: SecretStr | None = Field(default=None, description="Casso v1's secure-token")
    payos_checksum_key: SecretStr | None = Field(default=None, description="payOS's signature over the data")
    stripe_secret_key: SecretStr | None = Field(default=None, description="Stripe's API; absent = no card payments")
    stripe_webhook_secret: SecretStr | None = Field(default=None, description="Stripe's Stripe-Signature")
    stripe_api_base: str | None = Field(default=None, description="another address for Stripe's API, for tests")
    stripe_minimum: int = Field(default=13_000, ge=1, description="the least card payment in đồng, about US$0.50")
    message_url: SecretStr | None = Field(
        default=None, description="an apprise URL with {phone} in it; absent = messages go to the log"
    )
    trusted_proxies: str = Field(
        default="", description="addresses of proxies whose X-Forwarded-For is believed; absent = of none"
    )
    cors_origins: str = Field(
        default="", description="origins (https://…) whose pages may read the API in a browser; absent = none"
    )
    open_data_publisher: str = Field(default="", description="who publishes the open data; absent = nobody is named")
    open_data_licence: str = Field(
        default="", description="address of the licence of the open data; absent = no licence is claimed"
    )
    metrics_token: SecretStr | None = Field(default=None, description="opens /metrics as a Bearer; absent = closed")
    demo: bool = Field(default=False, description="work on the demo's own database")
    raw_retention_days: int = Field(default=90, ge=1, description="after which raw notices and memos are dropped")

    @classmethod
    def read(cls) -> "Settings":
        """From the environment; a Refusal names the setting that can't be read."""
        try:
            return cls()
        except ValidationError as error:
            names = ", ".join(f"MARKET_{str(problem['loc'][0]).upper()}" for problem in error.errors())
            raise Refusal("settings.unreadable", names=names) from None

    @property
    def origins(self) -> list[str]:
        return [each.strip().rstrip("/") for each in self.cors_origins.split(",") if each.strip()]

    def command_language(self) -> str:
        return command_language(self.language)

    def masked(self) -> dict[str, str]:
        """Every setting as the operator may see it on a screen: secrets only as set or absent."""
        return {f"MARKET_{name.upper()}": _mask(getattr(self, name)) for name in type(self).model_fields}


def command_language(asked: str | None = None) -> str:
    """The language of the command line: MARKET_LANGUAGE, else Vietnamese where the machine speaks it."""
    wanted = os.environ.get("MARKET_LANGUAGE", "") if asked is None else asked
    if wanted in ("vi", "en"):
        return wanted
    return "vi" if os.environ.get("LANG", "").startswith("vi") else "en"


@lru_cache(maxsize=32)
def secret_values(secret: SecretStr | None) -> list[bytes]:
    """The one or two values of a secret. An empty one is a closed door: no value at all."""
    if secret is None:
        return []
    return [part.strip().encode() for part in secret.get_secret_value().split(",") if part.strip()]


def _mask(value: object) -> str:
    if isinstance(value, SecretStr):
        return "••••••" if secret_values(value) else ""
    return "" if value is None else str(value)
