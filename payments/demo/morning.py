"""A live morning: signed requests to the running server's own door, most of them ordinary, some not."""

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence, Set
from datetime import timedelta
from random import Random
from typing import NamedTuple

import httpx2 as httpx

from ground import clock
from ground.settings import Settings, secret_values
from payments.demo import feed, habit, oddity
from payments.demo.feed import Payment
from payments.demo.till import Till

LASTS_SECONDS = 3 * 3600.0
PAUSE_SECONDS = (0.8, 3.0)
WAIT_SECONDS, WAIT_MAX_SECONDS = 1.0, 30.0
SUMMARY_EVERY = 20
LEAD_SHARE = 0.15
"""Of the payments: one comes to the vendor's page that can be opened about every quarter of a minute."""
KINDS = {"ordinary": 85, "late_hours": 4, "late_days": 3, "twice": 4, "nobody": 2.5, "otherwise": 1.5}

Say = Callable[..., None]


class Scene(NamedTuple):
    """A payment and the requests that tell of it. `kind`: one of KINDS."""

    kind: str
    payment: Payment
    bodies: tuple[bytes, ...]


class Payers:
    """Who pays where this morning, drawn by the habits of the history; every few payments one comes to `lead`."""

    def __init__(self, tills: Sequence[Till], random: Random, lead: Set[int] = frozenset()) -> None:
        today = clock.today()
        seed = (today - timedelta(days=1)).isoformat()
        known = [(till, habit.habit_of(till, seed)) for till in tills if till.is_live_on(today)]
        self._tills = [(till, each) for till, each in known if each.daily]
        self._weights = [habit.expected(each, till, today) for till, each in self._tills]
        self._lead = [(till, each) for till, each in self._tills if till.stall_id in lead]
        self._random = random
        self._id = int(time.time() * 1000)  # beyond every id of the history and of an earlier morning

    def __len__(self) -> int:
        return len(self._tills)

    def draw(self) -> Scene:
        self._id += 1
        random = self._random
        (kind,) = random.choices(list(KINDS), list(KINDS.values()))
        ((till, each),) = random.choices(self._tills, self._weights)
        if self._lead and random.random() < LEAD_SHARE:
            kind, (till, each) = "ordinary", random.choice(self._lead)
        ago = {"late_hours": timedelta(hours=random.randint(1, 6)), "late_days": timedelta(days=random.randint(1, 6))}
        moment = clock.now() - ago.get(kind, timedelta())
        payment = Payment(self._id, moment, habit.draw_amount(random, each), till)
        return Scene(kind, payment, self._bodies(kind, payment))

    def _bodies(self, kind: str, payment: Payment) -> tuple[bytes, ...]:
        if kind == "nobody":
            return (oddity.to_nobody(self._random, payment, ()),)
        body = feed.tell(payment, feed.memo(self._random, payment.till.token))
        if kind == "twice":
            return body, body
        if kind == "otherwise":
            return body, feed.tell(payment._replace(amount=payment.amount * 10), payment.till.token)
        return (body,)


def live_through(
    payers: Payers,
    settings: Settings,
    base_url: str,
    say: Say,
    random: Random,
    *,
    lasts: float = LASTS_SECONDS,
) -> None:
    """A payment every few seconds for `lasts` seconds. A server that is away, or says no, is asked ever more rarely.

    `say` hears keys of the word files with their parameters.
    """
    sent, wait = 0, WAIT_SECONDS
    with httpx.Client(timeout=10, trust_env=False) as client:
        ends = time.monotonic() + lasts
        while len(payers) and time.monotonic() < ends:
            try:
                scene = send(client, payers.draw(), settings, base_url, random)
            except httpx.HTTPError as error:
                say("demo.morning.away", reason=_reason(error), seconds=round(wait))
                time.sleep(wait)
                wait = min(2 * wait, WAIT_MAX_SECONDS)
                continue
            sent, wait = sent + 1, WAIT_SECONDS
            if scene.kind != "ordinary":
                say(f"demo.morning.{scene.kind}", place=f"{scene.payment.till.market}/{scene.payment.till.stall}")
            if sent % SUMMARY_EVERY == 0:
                say("demo.morning.so_far", count=sent)
            time.sleep(random.uniform(*PAUSE_SECONDS))


def _reason(error: httpx.HTTPError) -> str:
    """Short, and nothing of the payment in it."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return type(error).__name__


def send(client: httpx.Client, scene: Scene, settings: Settings, base_url: str, random: Random) -> Scene:
    """Tell of it as the provider would; httpx.HTTPError unless every request is answered by 200."""
    for body in scene.bodies:
        headers = {"Content-Type": "application/json", **proof(body, settings, random)}
        client.post(f"{base_url}/webhooks/sepay", content=body, headers=headers).raise_for_status()
    return scene


def proof(body: bytes, settings: Settings, random: Random) -> dict[str, str]:
    """The signature or the API key, whichever the server has; where it has both, now this and now that."""
    keys, signing = secret_values(settings.sepay_api_key), secret_values(settings.sepay_hmac_secret)
    if keys and (not signing or random.random() < 0.25):
        return {"Authorization": f"Apikey {keys[0].decode()}"}
    stamp = str(int(time.time()))
    digest = hmac.new(signing[0], stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-SePay-Timestamp": stamp, "X-SePay-Signature": f"sha256={digest}"}
