"""MT940 and camt as banks send them to companies."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from payments.statements import mt940 as reader
from payments.statements.unreadable import UnreadableRows
from tests.paper_roll import refusal
from tests.paper_statement import ACCOUNT, OPENING, STORY, Paid, at, balances, camt, mt940, only, read_bytes, told

HEAD = ":20:X\n:25:970436/0123499999VND\n:28C:1\n:60F:C261004VND1000000,\n"
VERSIONS = [f"05{kind}.001.{version:02d}" for kind in (2, 3, 4) for version in range(1, 13)]


def test_a_message_with_its_envelope_and_several_lines_of_details(tmp_path: Path) -> None:
    text = (
        "{1:F01BFTVVNVXAXXX0000000000}{2:I940BFTVVNVXXXXXN}{4:\n"
        + HEAD
        + ":61:2610051006C35000,NTRFKREF1//FT26278000000001\n"
    )
    text += ":86:CT DEN TU NGUYEN VAN A\nZCH3K7Q9 CHUYEN TIEN\n:61:2610051005DD120000,00NCHGNONREF\n:86:phi\n"
    text += ":62F:C261005VND915000,\n:64:C261005VND915000,\n:86:END OF DAY\n-}{5:{CHK:ABCDEF}}\n"
    section = only(read_bytes(tmp_path, text))
    first, second = section.lines
    assert (section.account, section.closing, section.balanced) == (ACCOUNT, 915_000, True)
    assert (first.row, first.reference, first.memo) == (
        6,
        "FT26278000000001",
        "CT DEN TU NGUYEN VAN A ZCH3K7Q9 CHUYEN TIEN",
    )
    assert (str(first.business_date), first.occurred_at, first.named) == ("2026-10-05", None, ("KREF1",))
    assert (second.direction, second.amount, second.memo, second.row) == ("out", 120_000, "", 9)
    assert (section.first, section.last) == (date(2026, 10, 5), date(2026, 10, 5))


def test_rc_and_rd_undo_a_credit_and_a_debit(tmp_path: Path) -> None:
    text = HEAD + ":61:2610051005C50000,NTRFKREF1//FT1\n:61:2610051005RC50000,NTRFKREF1//FT2\n:86:secret\n"
    text += ":61:2610051005RD7000,NTRFNONREF//FT3\n:62F:C261005VND1007000,\n"
    credit, undone, back = only(read_bytes(tmp_path, text)).lines
    assert (credit.direction, credit.reversal) == ("in", False)
    assert (undone.direction, undone.reversal, undone.reference, undone.memo) == ("out", True, "KREF1", "")
    assert undone.named == ("FT2",)
    assert (back.direction, back.amount, back.reversal) == ("in", 7_000, True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HEAD.replace("VND1", "USD1"), "statement.foreign"),
        (HEAD + ":62F:C261005USD1000000,\n", "statement.foreign"),
        (":20:X\n:28C:1\n:60F:C261004VND1000000,\n:61:2610051005C5,NTRFX\n", "statement.no_account"),
    ],
)
def test_messages_that_are_refused(tmp_path: Path, text: str, code: str) -> None:
    assert refusal(lambda: read_bytes(tmp_path, text)).code == code


def test_lines_that_cant_be_read_are_named_by_their_line(tmp_path: Path) -> None:
    text = HEAD + ":61:2610051005C50000,NTRFX//1\n:86:a\n:61:XX10051005C5,NTRFX\n:61:2610051005C5,50NTRFX\n"
    text += ":61:2610321005C5,NTRFX\n:61:2610051005C0,NTRFX\n:62F:C261005VND1050000,\n"
    refused = refusal(lambda: read_bytes(tmp_path, text))
    assert isinstance(refused, UnreadableRows)
    assert [(error.row, error.reason_code.removeprefix("statement.")) for error in refused.errors] == [
        (7, "bad_tag"),
        (8, "fraction"),
        (9, "bad_tag"),
        (10, "no_amount"),
    ]


def test_sums_of_an_interim_report_are_checked(tmp_path: Path) -> None:
    text = HEAD + ":61:2610051005C50000,NTRFX//1\n:90D:0VND0,\n:90C:1VND50000,\n"
    assert len(only(read_bytes(tmp_path, text)).lines) == 1
    assert (
        refusal(lambda: read_bytes(tmp_path, text.replace("1VND50000", "1VND50001"))).code == "statement.total_differs"
    )


def test_a_long_message_is_read_in_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_STRETCH", 3)
    story = [Paid(at(1 + number // 2), 1_000 + number, f"FT{number}", f"memo {number}") for number in range(20)]
    section = only(read_bytes(tmp_path, mt940(story)))
    assert [(told(line).amount, line.reference, line.memo) for line in section.lines] == [
        (paid.amount, paid.reference, paid.memo) for paid in story
    ]
    assert section.closing == balances(story)[-1]


def test_several_accounts_in_one_file(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, mt940(STORY) + mt940(STORY[:1], "555"))
    assert [(section.account, len(section.lines)) for section in found.sections] == [(ACCOUNT, 4), ("555", 1)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_of_camt_is_read(tmp_path: Path, version: str) -> None:
    opening = None if version.startswith("054") else OPENING
    section = only(read_bytes(tmp_path, camt(STORY, version, opening=opening)))
    assert [told(line).amount for line in section.lines] == [paid.amount for paid in STORY]
    assert section.account == ACCOUNT
    assert (section.opening, section.balanced) == (opening, None if opening is None else True)


def with_details(details: str, more: str = "", amount: int = 35_000) -> str:
    """A credit notification of one entry with these transactions in it."""
    text = camt([Paid(at(5), amount, "FT1")], "054.001.08", opening=None)
    start, end = text.index("<NtryDtls>"), text.index("</Ntry>")
    changed = text[:start] + f"<NtryDtls>{details}</NtryDtls>" + text[end:]
    return changed.replace("<Sts>", f"{more}<Sts>")


def part(amount: int, reference: str, more: str = "") -> str:
    return (
        f"<TxDtls><Refs><AcctSvcrRef>{reference}</AcctSvcrRef><EndToEndId>E{reference}</EndToEndId></Refs>"
        f'<Amt Ccy="VND">{amount}</Amt>{more}</TxDtls>'
    )


def test_a_batch_is_its_transactions_where_they_make_it_up(tmp_path: Path) -> None:
    section = only(read_bytes(tmp_path, with_details(part(20_000, "A1") + part(15_000, "A2"))))
    assert [(line.row, line.amount, line.reference, line.named) for line in section.lines] == [
        (1, 20_000, "A1", ("EA1",)),
        (1, 15_000, "A2", ("EA2",)),
    ]
    for other in (part(20_000, "A1") + part(15_001, "A2"), part(20_000, "A1") + "<TxDtls/>"):
        (line,) = only(read_bytes(tmp_path, with_details(other))).lines
        assert (line.amount, line.reference) == (35_000, "FT1")


def test_payer_virtual_account_memo_and_moment_of_a_transaction(tmp_path: Path) -> None:
    more = (
        "<RltdPties><Dbtr><Pty><Nm>NGUYEN VAN A</Nm></Pty></Dbtr>"
        "<DbtrAcct><Id><Othr><Id>0011</Id></Othr></Id></DbtrAcct>"
        "<CdtrAcct><Id><Othr><Id>VQRQ0001</Id></Othr></Id></CdtrAcct></RltdPties>"
        "<RmtInf><Ustrd>ZCH3K7Q9</Ustrd><Ustrd>mua ca</Ustrd></RmtInf>"
        "<RltdDts><AccptncDtTm>2026-10-04T23:30:00Z</AccptncDtTm></RltdDts>"
    )
    (line,) = only(read_bytes(tmp_path, with_details(part(35_000, "A1", more)))).lines
    assert (line.payer, line.virtual_account, line.memo) == ("0011 NGUYEN VAN A", "VQRQ0001", "ZCH3K7Q9 mua ca")
    assert (line.occurred_at, str(line.business_date)) == (datetime(2026, 10, 4, 23, 30, tzinfo=UTC), "2026-10-05")


def test_a_reversed_credit_keeps_the_numbers_it_shares(tmp_path: Path) -> None:
    text = with_details(part(35_000, "A2").replace("EA2", "EA1"), "<RvslInd>true</RvslInd>").replace("CRDT", "DBIT")
    (line,) = only(read_bytes(tmp_path, text)).lines
    assert (line.direction, line.reversal, line.reference, line.named) == ("out", True, "EA1", ("A2",))


def test_an_entry_not_booked_yet_is_no_line(tmp_path: Path) -> None:
    text = camt(STORY, "052.001.08").replace("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>", 1).replace(">2184000<", ">2149000<")
    assert len(only(read_bytes(tmp_path, text)).lines) == 3


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("camt.053.001.08", "camt.053.001.99", "statement.camt_version"),
        ("camt.053.001.08", "camt.060.001.03", "statement.camt_version"),
        ('Ccy="VND">35000', 'Ccy="USD">35000', "statement.foreign"),
        ("<Ccy>VND", "<Ccy>USD", "statement.foreign"),
        ("</Document>", "", "statement.bad_xml"),
        ("<Document", "<!DOCTYPE x [<!ENTITY a 'b'>]><Document", "statement.bad_xml"),
        (">35000<", ">35000.5<", "statement.unreadable_rows"),
        (">35000<", ">many<", "statement.unreadable_rows"),
        ("<Id>0123499999</Id>", "<Id>---</Id>", "statement.no_account"),
    ],
)
def test_camt_that_is_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    text = camt(STORY)
    assert old in text
    assert refusal(lambda: read_bytes(tmp_path, text.replace(old, new, 1))).code == code
