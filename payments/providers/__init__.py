"""One file for each provider: verify a request, say it in our words."""

import pkgutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Protocol

from ground.settings import Settings
from payments.card import Fact
from payments.notice import Told


class Provider(Protocol):
    """What a provider's file offers. `NAME` is the last word of its address, /webhooks/NAME."""

    NAME: str

    def is_open(self, settings: Settings) -> bool:
        """Whether any of its secrets is set."""

    def verify(self, headers: Mapping[str, str], body: bytes, settings: Settings, now: datetime) -> None:
        """Refuses (401) what is not authentic. Header names are in lower case."""

    def translate(self, body: bytes) -> Sequence[Told | Fact]:
        """The notices of a request, often one, none in a test call; refuses (400) what can't be read.

        A card company tells facts too: what befalls a sale after it was made.
        """


def find() -> dict[str, Provider]:
    """Every provider by its name: the files beside this one that have a NAME."""
    modules = [import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    return {module.NAME: module for module in modules if hasattr(module, "NAME")}
