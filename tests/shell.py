"""The command line as its user meets it: words in, an exit code, stdout and stderr out."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import main
from ground.settings import Settings

PROGRAM = Path(main.__file__)


class Answer(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What `--format json` printed: one document, nothing before or after it."""
        return json.loads(self.out)


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """As an operator sets it for a server's database. `more` are further variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MARKET_", "LC_", "LANG"))}
    assert settings.database_url is not None and settings.secret_key is not None
    return {
        **kept,
        "MARKET_DATABASE_URL": settings.database_url.get_secret_value(),
        "MARKET_SECRET_KEY": settings.secret_key.get_secret_value(),
        "MARKET_LANGUAGE": "en",
        **more,
    }


def run(settings: Settings, *words: object, **more: str) -> Answer:
    """`main.py WORDS…` inside this process: the same entrance, without the second a Python takes to start."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, environment(settings, **more), clear=True),
        patch.object(sys, "argv", ["main.py", *map(str, words)]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main.main()
            code: Any = 0
        except SystemExit as left:
            code = left.code or 0
    return Answer(code, out.getvalue(), err.getvalue())


def start(settings: Settings, *words: object, **more: str) -> Answer:
    """`main.py WORDS…` as a process of its own."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, words)],
        env=environment(settings, **more),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
