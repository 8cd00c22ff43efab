"""What a browser calls itself, in the few words by which its owner knows it."""

import re

# The first that is found counts: nearly every browser also calls itself by its elders' names.
_BROWSERS = (
    ("Zalo", r"\bZalo\b"),
    ("Cốc Cốc", r"coc_coc"),
    ("Edge", r"\bEdg(e|A|iOS)?/"),
    ("Samsung Internet", r"SamsungBrowser"),
    ("Opera", r"\bOPR/|Opera"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("Android", r"Android"),
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh"),
    ("Linux", r"Linux|X11"),
)


def name(agent: str) -> str:
    """`Chrome, Android`; the beginning of what it says where it is none of the known ones."""
    found = [_first(agent, among) for among in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or agent[:40] or "?"


def _first(agent: str, among: tuple[tuple[str, str], ...]) -> str | None:
    return next((name for name, mark in among if re.search(mark, agent)), None)
