"""A statement's line as the books keep it: its memo encrypted, its words known by keyed hashes, its tokens in clear."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from struct import Struct

from ground.vault import Vault
from merchants import token
from payments import reference
from payments.statements.line import Line

COLUMNS = (
    "row, occurred_at, business_date, direction, amount, reference, virtual_account, tokens, memo_hash, payer_hash, "
    "memo, balance, reversal, names, named, alike"
)
"""SQL: of `statement_line`, in the order in which `rows` tells them."""
FIELDS = 16


def rows(vault: Vault, lines: Sequence[Line], own: str) -> list[bytes]:
    """The fields as PostgreSQL's binary COPY wants them, without the number of fields that a tuple begins with.

    `own`: the number of the account, which its memos mention all the time. A row ends with the keyed hash that is the
    same for lines of the same time, amount, reference and memo.
    """
    memos = [line.memo.encode() for line in lines]
    told = [memo for memo in memos if memo]
    sealed, hashes = iter(vault.seal_all(told)), iter(vault.hash_all(told))
    account = reference.plain(own)
    words = [_words(line, memo, account) for line, memo in zip(lines, memos, strict=True)]
    marks = reference.marks(vault, chain.from_iterable(chain.from_iterable(words)))
    alike = vault.hash_all(map(_content, lines))
    found, at = [], 0
    for line, memo, (called, mentioned), same in zip(lines, memos, words, alike, strict=True):
        row, second, day, net, known, text, payer, virtual, balance, reversal, _, _ = line
        mentions_at = at + len(called)
        ends_at = mentions_at + len(mentioned)
        if second is None:
            moment = _DAY(4, row, -1, 4, day - _FIRST_DAY)
            begin = _BIGINT((day - _UNIX_DAY) * 86_400)
        else:
            moment = _SECOND(4, row, 8, second * 1_000_000 - _FIRST_MICROSECOND, 4, day - _FIRST_DAY)
            begin = _BIGINT(second)
        hashed = unreadable = _NULL
        if memo:
            cipher = next(sealed)
            hashed, unreadable = _HASH + next(hashes), _LENGTH(len(cipher)) + cipher
        fields = (
            moment,
            _IN(2, b"in", 8, net) if net > 0 else _OUT(3, b"out", 8, -net),
            _NULL if known is None else _text(known),
            _NULL if virtual is None else _text(virtual),
            _texts(tuple(token.find(text))) if memo else _NO_TEXTS,
            hashed,
            _HASH + vault.hash(payer) if payer else _NULL,
            unreadable,
            _NULL if balance is None else _NUMBER(8, balance),
            _BOOLEANS[reversal],
            _numbers(marks[at:mentions_at]),
            _numbers(marks[mentions_at:ends_at]),
            # The time, which the line tells in clear anyway, stands first, so that an index is filled in order.
            _LONG_HASH + begin + same,
        )
        found.append(b"".join(fields))
        at = ends_at
    return found


def _words(line: Line, memo: bytes, own: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """What the line is called, and what it mentions. Money going out has no name, its references are all mentions."""
    _, _, _, net, known, _, _, virtual, _, _, _, named = line
    if net <= 0:
        return [], reference.mentioned(b"", (*named, known), ())
    if virtual:
        own = [*own, *reference.plain(virtual)]
    return reference.called(known), reference.mentioned(memo, named, own)


def _content(line: Line) -> bytes:
    """What makes two lines alike; hashed, so that nothing is to be learnt of the memo without the key."""
    _, second, day, net, known, memo, _, _, _, _, _, named = line
    parts = ("" if second is None else str(second), str(day), str(net), known or "", memo, *named)
    return "\x1f".join(parts).encode()


_LENGTH = Struct("!i").pack
_BIGINT = Struct("!q").pack
_NUMBER = Struct("!iq").pack
# row, moment and day; a day alone
_SECOND = Struct("!iiiqii").pack
_DAY = Struct("!iiiii").pack
_IN, _OUT = Struct("!i2siq").pack, Struct("!i3siq").pack
_NULL, _HASH, _LONG_HASH = _LENGTH(-1), _LENGTH(16), _LENGTH(24)
_BOOLEANS = (b"\0\0\0\x01\0", b"\0\0\0\x01\x01")
_TEXT, _INT8 = 25, 20  # PostgreSQL's types
_UNIX_DAY = 719_163
# PostgreSQL counts days and microseconds from 2000-01-01.
_FIRST_DAY = 730_120
_FIRST_MICROSECOND = (_FIRST_DAY - _UNIX_DAY) * 86_400_000_000


def _text(told: str) -> bytes:
    content = told.encode()
    return _LENGTH(len(content)) + content


@lru_cache(4096)
def _texts(texts: tuple[str, ...]) -> bytes:
    """An array of one dimension; an empty one has none. An account's lines name the same few tokens again and again."""
    if not texts:
        return _NO_TEXTS
    elements = b"".join(map(_text, texts))
    return _ARRAY(20 + len(elements), 1, 0, _TEXT, len(texts), 1) + elements


def _numbers(marks: list[bytes]) -> bytes:
    count = len(marks)
    if count == 1:
        return _ONE_NUMBER + marks[0]
    if count == 2:
        one, other = marks
        return _TWO_NUMBERS + one + _EIGHT + other if one < other else _TWO_NUMBERS + other + _EIGHT + one
    if not marks:
        return _NO_NUMBERS
    return _ARRAY(20 + 12 * count, 1, 0, _INT8, count, 1) + _EIGHT + _EIGHT.join(sorted(marks))


_ARRAY = Struct("!iiiiii").pack
_NO_TEXTS, _NO_NUMBERS = (Struct("!iiii").pack(12, 0, 0, kind) for kind in (_TEXT, _INT8))
_EIGHT = _LENGTH(8)
_ONE_NUMBER = _ARRAY(32, 1, 0, _INT8, 1, 1) + _EIGHT
_TWO_NUMBERS = _ARRAY(44, 1, 0, _INT8, 2, 1) + _EIGHT
