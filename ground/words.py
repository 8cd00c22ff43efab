"""Every word a person reads: looked up by key in templates/words/<language>/<file>.toml."""

import tomllib
from functools import cache
from pathlib import Path

WORDS = Path(__file__).parent.parent / "templates" / "words"
LANGUAGES = ("vi", "en")


@cache
def book(language: str) -> dict[str, str]:
    """All words of a language, keyed `file.key`; tables inside a file add a level: `file.table.key`."""
    found: dict[str, str] = {}
    for path in sorted((WORDS / language).glob("*.toml")):
        _gather(tomllib.loads(path.read_text("utf-8")), path.stem, found)
    return found


def _gather(table: dict[str, object], prefix: str, found: dict[str, str]) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            _gather(value, f"{prefix}.{key}", found)
        else:
            found[f"{prefix}.{key}"] = str(value)


def say(key: str, language: str = "vi", /, **params: object) -> str:
    """The sentence for `key`, its `{names}` filled. An unknown key is our bug and raises KeyError."""
    return book(language)[key].format(**params)
