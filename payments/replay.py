"""Replay: bring the books up to date from what was kept, or tell every kept notice again."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

from ground.refusal import Refusal
from ground.store import Store
from payments import card, feed_change, notice, posting, reconciliation
from payments.notice import Told
from payments.webhooks import PROVIDERS


class Replayed(NamedTuple):
    told_again: int
    new: int
    posted: int
    resolved: int
    stuck: int


def replay(store: Store, *, everything: bool = False) -> Replayed:
    """Post what waits; `everything` tells each kept notice once more first, which must change nothing."""
    told_again, new = _tell_again(store) if everything else (0, 0)
    with store.session() as session:
        stuck: list[int] = []
        posted = posting.post_all(session, stuck)
        card.post_all(session)
        reconciliation.share(session)
        feed_change.settle(session, whole=everything)
        session.commit()
        return Replayed(told_again, new, posted, posting.resolve_waiting(session), len(stuck))


def _tell_again(store: Store) -> tuple[int, int]:
    told = new = 0
    with store.engine.connect() as reading, psycopg.connect(store.url, options="-c timezone=UTC") as writing:
        for rows in notice.every(reading):
            sealed = [notice.seal(told, store.vault, row.received_at) for row in rows for told in _told(row, store)]
            new += notice.keep(writing, sealed)
            writing.commit()
            told += len(rows)
    return told, new


def _told(row: Any, store: Store) -> Sequence[Told]:
    """From the raw notice, through the provider's own translation; from the kept columns once that was dropped."""
    provider = PROVIDERS.get(row.provider)
    if row.raw is not None and provider is not None:
        try:
            told_again = provider.translate(store.vault.unseal(row.raw))
            return [each for each in told_again if isinstance(each, Told)]
        except (ValueError, Refusal) as error:
            raise Refusal("replay.unreadable", notice=row.id, reason=error) from error
    told = Told(
        row.provider,
        row.external_id,
        row.occurred_at,
        row.direction,
        row.amount,
        row.bank,
        row.bin,
        row.account,
        row.virtual_account,
        row.reference,
        "",
        None,
        b"",
    )
    return [told]
