"""`python -m benchmarks.profile_door`: where a notice's microseconds go before it is kept."""

import timeit

from benchmarks import load
from ground import clock
from ground.settings import Settings
from ground.vault import Vault
from merchants import bank, token
from payments.notice import seal
from payments.providers import sepay

ROUNDS = 5000


def main() -> None:
    request = next(iter(load.requests(1, 1)))
    head, _, body = request.partition(b"\r\n\r\n")
    headers = {
        name.lower(): value for name, _, value in (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    }
    settings = Settings(sepay_hmac_secret=load.SECRET)  # type: ignore[arg-type]
    vault = Vault([b"k" * 32])
    (told,) = sepay.translate(body)
    moment = clock.now()
    steps = {
        "verify": lambda: sepay.verify(headers, body, settings, moment),
        "translate": lambda: sepay.translate(body),
        "  bank.find": lambda: bank.find("Vietcombank"),
        "seal": lambda: seal(told, vault, moment),
        "  token.find": lambda: token.find(told.memo),
        "  vault.seal": lambda: vault.seal(body),
        "  vault.hash": lambda: vault.hash(told.memo),
    }
    for name, step in steps.items():
        print(f"{name:<14}{timeit.timeit(step, number=ROUNDS) / ROUNDS * 1e6:8.1f} µs")


if __name__ == "__main__":
    main()
