"""A shelf: what was read of the books, kept in memory until something changes that it rests on."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from payments import stamp
from payments.area import Span

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass
class Board(Generic[Key, Value]):
    """What is kept of one database, each with the stamp it is true of, the longest unused first."""

    kept: dict[Key, tuple[Hashable, Value]] = field(default_factory=dict)
    weight: int = 0


class Shelf(Generic[Key, Value]):
    """`spans`: the market-days that a key's value rests on; `stamped`: what of their topics it rests on."""

    def __init__(
        self,
        spans: Callable[[Key], Sequence[Span]],
        stamped: Callable[[Counter[str], Sequence[Span]], Hashable],
        weight_max: int,
        weigh: Callable[[Value], int] = lambda _: 1,
    ) -> None:
        self._spans, self._stamped = spans, stamped
        self._weigh, self.weight_max = weigh, weight_max
        self.boards: WeakKeyDictionary[Engine, Board[Key, Value]] = WeakKeyDictionary()
        self.lock = RLock()

    def have(
        self,
        connection: Connection,
        keys: Sequence[Key],
        read: Callable[[Sequence[Key]], Mapping[Key, Value]],
        suits: Callable[[Key, Value], bool] = lambda _key, _value: True,
    ) -> dict[Key, Value]:
        """The values of these keys; those that are not at hand, or do not suit, are read at once."""
        before = self._topics(connection, keys)
        if before is None:  # what a transaction that writes sees may never have been
            return dict(read(keys))
        known = {key: self._take(connection.engine, key, self._stamp(before, key)) for key in keys}
        found = {key: each for key, each in known.items() if each is not None and suits(key, each)}
        if lacking := [key for key in known if key not in found]:
            fresh = read(lacking)
            found |= fresh
            # Only what nobody changed while it was read is true of its stamp.
            after = self._topics(connection, lacking) or Counter()
            for key, each in fresh.items():
                if (stamped := self._stamp(before, key)) == self._stamp(after, key):
                    self._put(connection.engine, key, stamped, each)
        return found

    def forget(self, connection: Connection) -> None:
        """Nothing is known of this database any more, as in a process that has just begun."""
        with self.lock:
            self.boards.pop(connection.engine, None)

    def _topics(self, connection: Connection, keys: Iterable[Key]) -> Counter[str] | None:
        return stamp.topics(connection, [span for key in keys for span in self._spans(key)])

    def _stamp(self, told: Counter[str], key: Key) -> Hashable:
        return self._stamped(told, self._spans(key))

    def _take(self, engine: Engine, key: Key, stamped: Hashable) -> Value | None:
        with self.lock:
            board = self.boards.setdefault(engine, Board())
            known = board.kept.pop(key, None)
            if known is None:
                return None
            if known[0] != stamped:
                board.weight -= self._weigh(known[1])
                return None
            board.kept[key] = known  # used last
            return known[1]

    def _put(self, engine: Engine, key: Key, stamped: Hashable, value: Value) -> None:
        with self.lock:
            board = self.boards.setdefault(engine, Board())
            known = board.kept.pop(key, None)
            board.weight += self._weigh(value) - (self._weigh(known[1]) if known else 0)
            board.kept[key] = stamped, value
            while board.weight > self.weight_max:
                _, dropped = board.kept.pop(next(iter(board.kept)))
                board.weight -= self._weigh(dropped)
