"""A statement's lines on their way into the books: sealed, hashed, and each one taken once however files overlap."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from struct import Struct
from typing import Any

from psycopg import Cursor

from ground.vault import Vault
from merchants import token
from payments import cut, overlap, reference
from payments.statements.line import Line

_CHUNK = 2048
_INCOMING = """
    CREATE TEMPORARY TABLE incoming (row integer, second bigint, day integer, incoming boolean, amount bigint,
        reference text, virtual_account text, tokens text[], memo_hash bytea, payer_hash bytea, memo bytea,
        balance bigint, reversal boolean, names bigint[], named bigint[], alike bytea) ON COMMIT DROP
"""
_COPY = "COPY incoming FROM STDIN (FORMAT BINARY)"
# Most lines have no twin, in the file or in the books: these need no counting.
_TWINS = """
    CREATE TEMPORARY TABLE twin ON COMMIT DROP AS
    SELECT alike FROM incoming GROUP BY alike HAVING count(*) > 1
    UNION
    SELECT i.alike FROM incoming i JOIN statement_line l USING (alike)
    WHERE l.account_id = %(account)s AND l.alike BETWEEN %(lowest)s AND %(highest)s
"""
_INSERT = """
    INSERT INTO statement_line (statement_id, account_id, row, occurred_at, business_date, direction, amount,
        reference, virtual_account, tokens, memo_hash, payer_hash, memo, balance, reversal, names, named, alike, nth)
    SELECT %(statement)s, %(account)s, i.row, to_timestamp(i.second), DATE '0001-01-01' + (i.day - 1),
        CASE WHEN i.incoming THEN 'in' ELSE 'out' END, i.amount, i.reference, i.virtual_account, i.tokens,
        i.memo_hash, i.payer_hash, i.memo, i.balance, i.reversal, i.names, i.named, i.alike,
"""
_TAKE_SINGLES = f"{_INSERT} 1 FROM incoming i WHERE NOT EXISTS (SELECT FROM twin t WHERE t.alike = i.alike)"
# A file's k-th alike line is another file's k-th. Where both tell the running balance, that tells alike lines
# apart: the k-th of a balance is the k-th of that balance. Where one does not, the larger count in one file stands.
_TAKE_TWINS = f"""
    WITH known AS (
        SELECT alike, count(*) AS lines, count(balance) AS balances FROM statement_line
        WHERE account_id = %(account)s AND alike IN (SELECT alike FROM twin) GROUP BY alike
    ), ranked AS (
        SELECT i.ctid AS place, i.alike, i.balance, i.row, coalesce(k.lines, 0) AS known_lines,
            k.lines IS NOT NULL AND k.balances = k.lines
                AND count(i.balance) OVER same = count(*) OVER same AS by_balance,
            row_number() OVER (PARTITION BY i.alike ORDER BY i.row) AS nth_alike,
            row_number() OVER (PARTITION BY i.alike, i.balance ORDER BY i.row) AS nth_balance
        FROM incoming i JOIN twin USING (alike) LEFT JOIN known k USING (alike)
        WINDOW same AS (PARTITION BY i.alike)
    ), fresh AS (
        SELECT place, known_lines + row_number() OVER (PARTITION BY alike ORDER BY row) AS nth FROM ranked r
        WHERE CASE WHEN by_balance THEN nth_balance > (
                SELECT count(*) FROM statement_line l
                WHERE l.account_id = %(account)s AND l.alike = r.alike AND l.balance = r.balance)
            ELSE nth_alike > known_lines END
    )
    {_INSERT} f.nth FROM fresh f JOIN incoming i ON i.ctid = f.place ORDER BY i.row
"""


def take_lines(
    cursor: Cursor[Any], vault: Vault, account_id: int, statement_id: int, lines: Iterable[Line], *, source: str
) -> int:
    """Store those of a statement's lines that are not known; how many. `source`: the layout or provider they are of."""
    cursor.execute("SET LOCAL work_mem = '64MB'")
    cursor.execute(_INCOMING)
    span = _copy(cursor, vault, lines)
    cursor.execute("ANALYZE incoming (row, alike)")
    places = {"account": account_id, "statement": statement_id, "lowest": span[0], "highest": span[1]}
    overlap.leave_out(cursor, account_id, statement_id, source=source)
    cursor.execute(_TWINS, places)
    twins = cursor.rowcount
    cursor.execute("ANALYZE twin")
    cursor.execute(_TAKE_SINGLES, places)
    taken = cursor.rowcount
    if twins:
        cursor.execute(_TAKE_TWINS, places)
        taken += cursor.rowcount
        cut.note(cursor, account_id, statement_id)
    overlap.note(cursor, statement_id, source=source)
    cursor.execute("DROP TABLE incoming, twin")
    return taken


def _copy(cursor: Cursor[Any], vault: Vault, lines: Iterable[Line]) -> tuple[bytes, bytes]:
    """Into the table `incoming`; returns the lowest and the highest `alike`."""
    lowest, highest = b"\xff", b""
    rest = iter(lines)
    with cursor.copy(_COPY) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        while chunk := list(islice(rest, _CHUNK)):
            alike = [_alike(vault, line) for line in chunk]
            lowest, highest = min(lowest, *alike), max(highest, *alike)
            copy.write(b"".join(_rows(vault, chunk, alike)))
        copy.write(b"\xff\xff")
    return lowest, highest


_LENGTH = Struct("!i").pack
_BIGINT = Struct("!iq").pack
# row, second, day, whether it came in, amount; without a second in the other
_TIMED = Struct("!hiiiqiiiBiq").pack
_UNTIMED = Struct("!hiiiiiiBiq").pack
_FIELDS = 16
_NULL = _LENGTH(-1)
_BOOLEANS = (b"\0\0\0\x01\0", b"\0\0\0\x01\x01")
_TEXT, _INT8 = 25, 20  # PostgreSQL's types
_MOMENT = Struct("!q").pack
_UNIX_DAY = 719_163


def _rows(vault: Vault, chunk: Sequence[Line], alike: Sequence[bytes]) -> Iterator[bytes]:
    """As PostgreSQL's binary COPY wants them: memo encrypted, memo and payer hashed, the tokens in clear."""
    memos = [line.memo.encode() for line in chunk]
    sealed = iter(vault.seal_all([memo for memo in memos if memo]))
    for line, memo, known in zip(chunk, memos, alike, strict=True):
        row, second, day, net, told, text, payer, virtual, balance, reversal, _, named = line
        head = (
            _UNTIMED(_FIELDS, 4, row, -1, 4, day, 1, net > 0, 8, abs(net))
            if second is None
            else _TIMED(_FIELDS, 4, row, 8, second, 4, day, 1, net > 0, 8, abs(net))
        )
        if net > 0:
            names = reference.names(vault, told)
            mentions = reference.named(vault, text, named, (virtual,))
        else:  # money going out has no name, its references are all mentions
            names, mentions = [], reference.named(vault, "", (*named, told or ""), ())
        yield b"".join(
            (
                head,
                _text(told),
                _text(virtual),
                _texts(token.find(text)),
                b"\0\0\0\x10" + vault.hash_bytes(memo) if memo else _NULL,
                b"\0\0\0\x10" + vault.hash(payer) if payer else _NULL,
                _sized(next(sealed)) if memo else _NULL,
                _NULL if balance is None else _BIGINT(8, balance),
                _BOOLEANS[reversal],
                _array(names),
                _array(mentions),
                _sized(known),
            )
        )


def _sized(content: bytes) -> bytes:
    return _LENGTH(len(content)) + content


def _text(told: str | None) -> bytes:
    return _NULL if told is None else _sized(told.encode())


def _texts(texts: Sequence[str]) -> bytes:
    elements = b"".join(map(_text, texts))
    return _headed(_TEXT, len(texts), elements)


def _array(numbers: Sequence[int]) -> bytes:
    if len(numbers) == 1:  # nearly every reference is one name
        return _ONE_NUMBER(32, 1, 0, _INT8, 1, 1, 8, numbers[0])
    return _headed(_INT8, len(numbers), b"".join([_BIGINT(8, number) for number in numbers]))


def _headed(kind: int, count: int, elements: bytes) -> bytes:
    """An array of one dimension, an empty one of none."""
    if not count:
        return _EMPTY[kind]
    return _ARRAY(20 + len(elements), 1, 0, kind, count, 1) + elements


_ARRAY = Struct("!iiiiii").pack
_ONE_NUMBER = Struct("!iiiiiiiq").pack
_EMPTY = {kind: Struct("!iiii").pack(12, 0, 0, kind) for kind in (_TEXT, _INT8)}


def _alike(vault: Vault, line: Line) -> bytes:
    """Same time, amount, reference and memo: the same bytes, and nothing to be learnt from them without the key.

    The time, which the line tells in clear anyway, stands before the hash, so that an index is filled in order.
    """
    _, second, day, net, told, memo, _, _, _, _, _, named = line
    moment = _MOMENT((day - _UNIX_DAY) * 86_400 if second is None else second)
    parts = ("" if second is None else str(second), str(day), str(net), told or "", memo, *named)
    return moment + vault.hash("\x1f".join(parts))
