"""What a vendor agrees to: the text, its version, and how she agreed to it."""

from ground import words
from merchants.application import Agreement

VERSION = "2026-11"
"""Of the text; a test sees to it that no word of it changes under the same version."""
PARTS = ("kept", "money", "yours", "public", "stop", "law")


def take_down(how: str, language: str) -> Agreement:
    """As it was shown. how: `code`, `slip` or `visit`."""
    return Agreement(how, VERSION, "\n".join(words.say(f"consent_text.{part}", language) for part in PARTS))
