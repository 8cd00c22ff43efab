"""The one door by which messages to people leave: the operator's log, or what MARKET_MESSAGE_URL names."""

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from ground import logs
from ground.settings import Settings, secret_values

log = logs.log("message")
_MESSENGERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="messenger")
TAIL = 4  # digits of a phone that a log may show


def send(settings: Settings, to: str, text: str) -> bool:
    """Send a text to a phone; False when it could not be handed over, which the log says.

    Slow: never inside a transaction. Without MARKET_MESSAGE_URL the operator's log is the delivery, so the text
    stands in it, a sign-in code included; with one, only the phone's tail does.
    """
    urls = secret_values(settings.message_url)
    if not urls:
        log.info("message", to=tail(to), text=text)
        return True
    # Loaded when it is wanted: it would take every command 0.4 s to start.
    door = import_module("apprise").Apprise()
    sent = all(door.add(url.decode().replace("{phone}", to)) for url in urls) and bool(door.notify(body=text))
    (log.info if sent else log.error)("message sent" if sent else "message not sent", to=tail(to))
    return sent


def send_later(settings: Settings, to: str, text: str) -> None:
    """As `send`, but nobody waits for it, so that nobody learns from the wait whether a message went out."""
    if secret_values(settings.message_url):
        _MESSENGERS.submit(_send_safely, settings, to, text)
    else:
        send(settings, to, text)


def _send_safely(settings: Settings, to: str, text: str) -> None:
    try:
        send(settings, to, text)
    except Exception:  # the next message has a chance of its own
        log.exception("message not sent", to=tail(to))


def tail(phone: str) -> str:
    """`0912345678` as `…5678`."""
    return f"…{phone[-TAIL:]}"
