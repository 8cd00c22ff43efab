"""A real server process for the tests that kill it, stop it or take its database away."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx

from ground.settings import Settings
from tests.messages import Log
from tests.world import API_KEY, HMAC_SECRET

HOUSE = Path(__file__).parent.parent
START_SECONDS = 60


def environment(settings: Settings) -> dict[str, str]:
    """What a process needs to work on the same books."""
    assert settings.database_url is not None
    assert settings.secret_key is not None
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("MARKET_")},
        "MARKET_DATABASE_URL": settings.database_url.get_secret_value(),
        "MARKET_SECRET_KEY": settings.secret_key.get_secret_value(),
        "MARKET_SEPAY_API_KEY": API_KEY,
        "MARKET_SEPAY_HMAC_SECRET": HMAC_SECRET,
        "MARKET_LANGUAGE": "en",
    }


def free_port() -> int:
    """Below those that outgoing connections are given: one of them could take the port of a server that restarts."""
    while True:
        port = random.randrange(10_000, 32_768)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """`main.py serve` on a free port; `kill` is SIGKILL, `stop` is SIGTERM.

    `log`: a file that gets what it writes to stderr. `more`: further environment variables.
    """

    def __init__(self, settings: Settings, *options: str, log: Path | None = None, **more: str) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "main.py", "serve", "--port", str(self.port), *options]
        self._environment = environment(settings) | more
        self._log = log
        self.start()

    def start(self) -> None:
        with open(self._log or os.devnull, "ab") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=HOUSE,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the server ended"
            try:
                # Without certificates to load: that takes longer than the pause, from the server that starts.
                if httpx.get(f"{self.address}/readyz", timeout=2, trust_env=False, verify=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        self.kill()
        raise TimeoutError("the server does not answer")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        self.process.terminate()
        self._reap()
        return int(self.process.returncode)

    def events(self) -> Log:
        """Of its log, so far."""
        return [json.loads(line) for line in self.written().splitlines() if line.startswith("{")]

    def written(self) -> str:
        """What its log says so far."""
        return self._log.read_text("utf-8", errors="replace") if self._log is not None else ""

    def _reap(self) -> None:
        self.process.wait(timeout=40)
        if self.process.stdout is not None:
            self.process.stdout.close()
