"""How often one address may ask for figures without a key: counted in memory, by each worker for itself."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from fastapi import Request

from ground import clock
from ground.refusal import Refusal
from portal import doorstep, throttle

# A carrier's readers share one address, and what was counted before costs little: only a program without end notices.
PER_MINUTE = 1200
MINUTE = timedelta(minutes=1)


@dataclass
class Turnstile:
    """Who passed since the minute began. It holds no more than a minute's callers."""

    begun: datetime = field(default_factory=clock.now)
    passed: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)


def admit(turnstile: Turnstile, address: str, moment: datetime) -> None:
    """Count a request of this address. Refuses (429) one beyond a minute's."""
    with turnstile.lock:
        if moment - turnstile.begun >= MINUTE:
            turnstile.begun, turnstile.passed = moment, Counter()
        turnstile.passed[address] += 1
        is_beyond = turnstile.passed[address] > PER_MINUTE
        wait = max(1, round((turnstile.begun + MINUTE - moment).total_seconds()))
    if is_beyond:
        raise Refusal("turnstile.too_often", status=429, most=PER_MINUTE, wait=wait)


def pass_through(request: Request) -> None:
    """For every request that names no key, and for one that names a wrong one."""
    turnstile = request.app.state.turnstile
    assert isinstance(turnstile, Turnstile)
    admit(turnstile, throttle.neighbourhood(doorstep.guest_of(request).address), clock.now())
