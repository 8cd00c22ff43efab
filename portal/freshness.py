"""What spares work: a tag on each answer that rests on the books, and 304 to whoever has that answer already."""

import hashlib
from functools import cache
from pathlib import Path

from fastapi import Request, Response
from sqlmodel import Session

from ground import clock
from payments import stamp

HOUSE = Path(__file__).parent.parent
# What an answer is made with, beside the books.
MAKERS = ("ground", "merchants", "payments", "portal", "templates")


def tag(request: Request, session: Session, *whose: object) -> str:
    """Another one as soon as the answer would be: by the books, the day at the market, the program, the question and
    whoever asks (`whose`: all of her that the answer shows or depends on). Ask for it before the books are read.

    Weak, because an answer also says when it was given: that may be earlier where nothing has changed since.
    """
    parts = (stamp.read(session), clock.today(), _program(), request.url.path, request.url.query, *whose)
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def is_known(request: Request, current: str) -> bool:
    """Whether the asker says that she has it (RFC 9110, 13.1.2: compared weakly)."""
    told = request.headers.get("if-none-match", "")
    return any(each.strip().removeprefix("W/") == current.removeprefix("W/") for each in told.split(","))


def unchanged(headers: dict[str, str]) -> Response:
    """304, with the headers that the answer itself would have."""
    return Response(status_code=304, headers=headers)


@cache
def _program() -> str:
    """A digest of all that this process was started with; read once."""
    digest = hashlib.sha256()
    for room in MAKERS:
        for path in sorted((HOUSE / room).rglob("*")):
            if path.suffix in (".py", ".html", ".toml", ".csv", ".css", ".js", ".svg"):
                digest.update(path.relative_to(HOUSE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
