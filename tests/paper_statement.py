"""Statements as banks write them: random or given movements laid out in each bank's file, and read back."""

import csv
import html
import io
import struct
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import xlsxwriter

from ground.clock import ZONE
from merchants.grid import Cell
from payments.statements.line import Line
from payments.statements.reading import read
from payments.statements.section import Section, StatementFile
from tests.test_sheet import container

ACCOUNT = "0123499999"
OPENING = 1_000_000
Rows = list[list[Cell]]
Style = Callable[[int], str]


@dataclass(frozen=True)
class Paid:
    """A movement: local time (a bare date where the bank tells none), amount below 0 for money going out."""

    when: datetime | date
    amount: int
    reference: str
    memo: str = "ZCH chuyen tien"

    @property
    def day(self) -> date:
        return self.when.date() if isinstance(self.when, datetime) else self.when

    @property
    def moment(self) -> datetime | None:
        at_midnight = not isinstance(self.when, datetime) or self.when.time().isoformat() == "00:00:00"
        return None if at_midnight else self.when.replace(tzinfo=ZONE).astimezone(UTC)


def at(day: int, clock: str = "", month: int = 10) -> datetime | date:
    if not clock:
        return date(2026, month, day)
    return datetime.fromisoformat(f"2026-{month:02d}-{day:02d}T{clock}")


STORY = (
    Paid(at(5, "07:15:00"), 35_000, "FT26278000000001", "MBVCB.1.ZCH3K7Q9.CT tu 0011 NGUYEN VAN A toi 0123499999"),
    Paid(at(5, "07:15:00"), 35_000, "FT26278000000002", "MBVCB.2.ZCH3K7Q9.CT tu 0011 NGUYEN VAN A toi 0123499999"),
    Paid(at(5, "11:02:37"), -120_000, "FT26278000000003", "tien rau NGUYEN THI BE 0987654321"),
    Paid(at(6, "22:30:01"), 1_234_000, "FT26279000000004", "Nguyễn Thị Lan trả tiền cá"),
)


def commas(amount: int) -> str:
    return f"{amount:,}" if amount else ""


def cents(amount: int) -> str:
    return f"{amount:,}.00" if amount else "0.00"


def dotted(amount: int) -> str:
    return f"{amount:,}".replace(",", ".") + ",00 VND" if amount else ""


def bracketed(amount: int) -> str:
    return commas(amount) if amount >= 0 else f"({-amount:,})"


def plain(amount: int) -> str:
    return str(amount) if amount else ""


def held(balance: int, style: Style) -> str:
    """A balance: an amount of nothing is left blank, an empty account is said."""
    return style(balance) or "0"


STYLES: tuple[Style, ...] = (commas, cents, dotted, plain)


def stamp(paid: Paid) -> str:
    return f"{paid.when:%d/%m/%Y %H:%M:%S}" if isinstance(paid.when, datetime) else f"{paid.when:%d/%m/%Y}"


def balances(story: Sequence[Paid], opening: int = OPENING) -> list[int]:
    found = []
    for paid in story:
        opening += paid.amount
        found.append(opening)
    return found


def simple(story: Sequence[Paid], style: Style = commas) -> Rows:
    """Vietcombank for people: no balances, sums at the end."""
    head: Rows = [["NGÂN HÀNG TMCP NGOẠI THƯƠNG VIỆT NAM"], ["SAO KÊ TÀI KHOẢN"], [None, "Số tài khoản", ACCOUNT]]
    head += [[None, "Loại tiền", "VND"], [None, "Từ ngày 01/10/2026 đến ngày 31/10/2026"], []]
    head += [["Ngày giao dịch", "Số tham chiếu", "Số tiền ghi nợ", "Số tiền ghi có", "Mô tả"]]
    out, income = sums(story)
    lines = [[stamp(p), p.reference, style(max(-p.amount, 0)), style(max(p.amount, 0)), p.memo] for p in story]
    return [*head, *lines, ["Tổng", None, style(out), style(income), None], [], ["Cảm ơn quý khách"]]


def signed(story: Sequence[Paid], style: Style = commas) -> Rows:
    """Vietcombank's older form: the sign in a column of its own."""
    head: Rows = [["VIETCOMBANK"], ["Số tài khoản:", ACCOUNT], []]
    head += [["Ngày giao dịch", "Số tham chiếu", None, "Số tiền", "Mô tả"]]
    lines = [[stamp(p), p.reference, "+" if p.amount > 0 else "-", style(abs(p.amount)), p.memo] for p in story]
    return [*head, *lines, ["Tổng"]]


def cashup(sections: dict[str, Sequence[Paid]], style: Style = cents) -> Rows:
    """Vietcombank CashUp: several accounts, each with its own opening and closing balance."""
    rows: Rows = [["VCB CASHUP"], ["SAO KÊ TÀI KHOẢN / STATEMENT OF ACCOUNT"], []]
    for account, story in sections.items():
        after = balances(story)
        rows += [["Số tài khoản/Account number:", None, account], ["Loại tiền/Currency:", None, "VND"]]
        rows += [["Từ/ From: 01/10/2026 Đến/ To: 31/10/2026"]]
        rows += [["Số dư đầu kỳ/ Opening balance :", None, held(OPENING, style)], []]
        heads = ["STT\nNo.", "Ngày GD/\nTNX Date", "Số CT/ Doc No", "Nợ/ Debit", "Có/ Credit", "Số dư/ Balance"]
        rows += [[*heads, "Nội dung chi tiết/ Transactions in detail"]]
        for number, (p, balance) in enumerate(zip(story, after, strict=True), 1):
            amounts = [style(max(-p.amount, 0)), style(max(p.amount, 0)), held(balance, style)]
            rows += [[str(number), stamp(p), p.reference, *amounts, p.memo]]
        out, income = sums(story)
        rows += [["Tổng số/ Total", None, None, style(out), style(income)]]
        rows += [["Số dư cuối kỳ/ Closing balance :", None, style(([OPENING, *after])[-1])], [], []]
    return rows


def bidv(story: Sequence[Paid], style: Style = commas) -> Rows:
    """BIDV's report: opening and closing balance as rows round the list."""
    after = balances(story)
    head: Rows = [
        ["BIDV"],
        ["BÁO CÁO CHI TIẾT SỐ DƯ TÀI KHOẢN"],
        ["Số tài khoản cũ: 999"],
        [f"Số tài khoản: {ACCOUNT}"],
    ]
    head += [["Loại tiền tệ: VND"], ["Ngày hiệu lực", "Ghi nợ", "Ghi có", "Số dư", "Mô tả"]]
    head += [["Dư đầu", None, None, held(OPENING, style), None]]
    lines = [
        [stamp(p), style(max(-p.amount, 0)), style(max(p.amount, 0)), held(b, style), p.memo]
        for p, b in zip(story, after, strict=True)
    ]
    out, income = sums(story)
    tail: Rows = [
        ["Cộng phát sinh", style(out), style(income)],
        ["Dư cuối", None, None, held([OPENING, *after][-1], style)],
    ]
    return [*head, *lines, *tail]


def bidv_list(story: Sequence[Paid], style: Style = commas) -> Rows:
    """BIDV's CSV."""
    rows: Rows = [["STT", "Ngày GD", "Số tham chiếu", "Mô tả", "Phát sinh Nợ", "Phát sinh Có", "Số dư"]]
    for number, (p, balance) in enumerate(zip(story, balances(story), strict=True), 1):
        amounts = [style(max(-p.amount, 0)), style(max(p.amount, 0)), held(balance, style)]
        rows += [[str(number), stamp(p), p.reference, p.memo, *amounts]]
    return rows


def mb(story: Sequence[Paid], style: Style = commas) -> Rows:
    """MB: posted the day after at times, sums in a row without a day."""
    after = balances(story)
    rows: Rows = [[None, "NGÂN HÀNG TMCP QUÂN ĐỘI"], [None, "SAO KÊ CHI TIẾT TÀI KHOẢN"], []]
    rows += [[None, f"Tài khoản/Account No: {ACCOUNT}", None, "Số dư đầu kỳ/Opening balance:", held(OPENING, style)]]
    heads = ["Ngày hạch toán/Posting date", "Ngày giao dịch/Transaction date", "Số bút toán/Reference No"]
    rows += [["STT/No", *heads, "Phát sinh nợ/Debit", "Phát sinh có/Credit", "Số dư/Balance", "Nội dung/Description"]]
    for number, (p, balance) in enumerate(zip(story, after, strict=True), 1):
        posted = f"{p.day + timedelta(days=1):%d/%m/%Y}"
        amounts = [style(max(-p.amount, 0)), style(max(p.amount, 0)), held(balance, style)]
        rows += [[str(number), posted, stamp(p), p.reference, *amounts, p.memo]]
    out, income = sums(story)
    rows += [[None, "Tổng cộng/Total", None, None, style(out), style(income)]]
    return rows


def techcombank(story: Sequence[Paid], style: Style = bracketed) -> Rows:
    """Techcombank's enquiry: twelve columns, the headings near row 20, debits negative."""
    after = balances(story)
    rows: Rows = [["TECHCOMBANK"], ["Truy vấn giao dịch/Transaction enquiry"], *([[]] * 6)]
    rows += [["Số tài khoản/Account number", None, ACCOUNT], ["Loại tiền/Currency", None, "VND"], *([[]] * 3)]
    rows += [["Số dư đầu ngày/Opening balance", None, None, None, None, None, held(OPENING, style)]]
    rows += [["Số dư cuối ngày/ Closing balance", None, None, None, None, None, held([OPENING, *after][-1], style)]]
    rows += [*([[]] * 4)]
    heads = ["Ngày KH thực hiện/Requesting date", "Ngày giao dịch/Transaction date", "Số bút toán/Reference number"]
    heads += ["Ngân hàng đối tác / Remitter's bank", "Tài khoản đích/Remitter's account number"]
    heads += ["Tên tài khoản đối ứng/Remitter's account name", "Diễn giải/Description", "Nợ/Debit", "Có/Credit"]
    rows += [[*heads, "Phí/Lãi / Fee/Interest", "Thuế/Transaction VAT", "Số dư/Running balance"]]
    for p, balance in zip(story, after, strict=True):
        amounts = [style(min(p.amount, 0)), style(max(p.amount, 0)), None, None, held(balance, style)]
        rows += [[stamp(p), f"{p.day:%d/%m/%Y}", p.reference, "VCB", "0011", "NGUYEN VAN A", p.memo, *amounts]]
    return rows


def bilingual(story: Sequence[Paid], style: Style = commas) -> Rows:
    """The general table in both languages, without balances."""
    heads = ["STT No", "Ngày giao dịch Transaction Date", "Số bút toán Transaction No", "Phát sinh nợ Debit"]
    rows: Rows = [[*heads, "Phát sinh có Credit", "Nội dung Details"]]
    for number, p in enumerate(story, 1):
        rows += [[str(number), stamp(p), p.reference, style(max(-p.amount, 0)), style(max(p.amount, 0)), p.memo]]
    return rows


TABLES: dict[str, tuple[str, Callable[[Sequence[Paid], Style], Rows]]] = {
    "vietcombank": ("vietcombank", simple),
    "vietcombank, older": ("vietcombank", signed),
    "vietcombank cashup": ("vietcombank", lambda story, style: cashup({ACCOUNT: story}, style)),
    "bidv": ("bidv", bidv),
    "bidv csv": ("bidv", bidv_list),
    "mb": ("mb", mb),
    "techcombank": ("techcombank", techcombank),
    "csv": ("csv", bilingual),
}
"""Each table layout by name: the bank it is read as, and how it is laid out."""


def mt940(story: Sequence[Paid], account: str = ACCOUNT, opening: int = OPENING, day: date = date(2026, 10, 5)) -> str:
    closing = ([opening, *balances(story, opening)])[-1]
    text = [
        ":20:STMT1",
        f":25:{account}",
        ":28C:1/1",
        f":60F:{'C' if opening >= 0 else 'D'}{day:%y%m%d}VND{abs(opening)},",
    ]
    for p in story:
        mark = "C" if p.amount > 0 else "D"
        text += [f":61:{p.day:%y%m%d}{p.day:%m%d}{mark}{abs(p.amount)},NTRFNONREF//{p.reference}", f":86:{p.memo}"]
    last = max((p.day for p in story), default=day)
    return "\r\n".join([*text, f":62F:{'C' if closing >= 0 else 'D'}{last:%y%m%d}VND{abs(closing)},", "-", ""])


def camt(
    story: Sequence[Paid], version: str = "053.001.08", account: str = ACCOUNT, opening: int | None = OPENING
) -> str:
    """`version` decides how parties, states and transactions are nested."""
    message, part = {"052": ("BkToCstmrAcctRpt", "Rpt"), "053": ("BkToCstmrStmt", "Stmt")}.get(
        version[:3], ("BkToCstmrDbtCdtNtfctn", "Ntfctn")
    )
    number = int(version[-2:])
    message += "V01" if number == 1 else ""
    closing = ([opening or 0, *balances(story, opening or 0)])[-1]
    told = "" if opening is None else _balance("OPBD", opening, number) + _balance("CLBD", closing, number)
    made = "<CreDtTm>2026-10-07T00:00:00</CreDtTm>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{version}">'
        f"<{message}><GrpHdr><MsgId>1</MsgId>{made}</GrpHdr><{part}><Id>1</Id>{made}"
        f"<Acct><Id>{_account(account, number)}</Id><Ccy>VND</Ccy></Acct>"
        f"{told}{''.join(_entry(p, number) for p in story)}</{part}></{message}></Document>"
    )


def _account(number: str, version: int) -> str:
    return f"<PrtryAcct><Id>{number}</Id></PrtryAcct>" if version == 1 else f"<Othr><Id>{number}</Id></Othr>"


def _balance(code: str, amount: int, version: int) -> str:
    kind = f"<Cd>{code}</Cd>" if version == 1 else f"<CdOrPrtry><Cd>{code}</Cd></CdOrPrtry>"
    way = "CRDT" if amount >= 0 else "DBIT"
    return (
        f'<Bal><Tp>{kind}</Tp><Amt Ccy="VND">{abs(amount)}</Amt><CdtDbtInd>{way}</CdtDbtInd>'
        f"<Dt><Dt>2026-10-05</Dt></Dt></Bal>"
    )


def _entry(paid: Paid, version: int) -> str:
    state = "BOOK" if version < 7 else "<Cd>BOOK</Cd>"
    when = f"{paid.when:%Y-%m-%dT%H:%M:%S}+07:00" if isinstance(paid.when, datetime) else ""
    dates = f"<RltdDts><TxDtTm>{when}</TxDtTm></RltdDts>" if when else ""
    way = "CRDT" if paid.amount > 0 else "DBIT"
    own = f'<Amt Ccy="VND">{abs(paid.amount)}</Amt><CdtDbtInd>{way}</CdtDbtInd>'
    details = (
        f"<TxDtls>{own if version > 2 else ''}<RmtInf><Ustrd>{html.escape(paid.memo)}</Ustrd></RmtInf>{dates}</TxDtls>"
    )
    return (
        f"<Ntry>{own}<Sts>{state}</Sts><BookgDt><Dt>{paid.day + timedelta(days=1)}</Dt></BookgDt>"
        f"<ValDt><Dt>{paid.day}</Dt></ValDt>"
        f"<AcctSvcrRef>{paid.reference}</AcctSvcrRef><BkTxCd><Prtry><Cd>T</Cd></Prtry></BkTxCd>"
        + (details if version == 1 else f"<NtryDtls>{details}</NtryDtls>")
        + "</Ntry>"
    )


def sums(story: Iterable[Paid]) -> tuple[int, int]:
    amounts = [paid.amount for paid in story]
    return -sum(amount for amount in amounts if amount < 0), sum(amount for amount in amounts if amount > 0)


def csv_bytes(rows: Rows, separator: str = ";", encoding: str = "utf-8-sig") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return encode(text.getvalue(), encoding)


def encode(text: str, encoding: str) -> bytes:
    """cp1258 has few letters with their tone: the tones come behind."""
    if encoding != "cp1258":
        return text.encode(encoding)
    tones = "\u0300\u0301\u0303\u0309\u0323"
    written = []
    for sign in text:
        parts = unicodedata.normalize("NFD", sign)
        tone = "".join(part for part in parts if part in tones)
        written.append(unicodedata.normalize("NFC", "".join(part for part in parts if part not in tones)) + tone)
    return "".join(written).encode("cp1258")


def html_page(rows: Rows) -> bytes:
    """What many banks call an Excel file."""
    lines = [
        "<html><head><meta charset='utf-8'><title>Sao kê</title><style>td{mso-number-format:'@'}</style></head><body>"
    ]
    lines += ["<table border=1>"]
    for row in rows:
        lines += ["<tr>", *(f"<td>{html.escape(str(c or '')).replace(chr(10), '<br>')}</td>" for c in row), "</tr>"]
    return "\n".join([*lines, "</table></body></html>"]).encode()


def write_xlsx(file: Path, rows: Rows) -> Path:
    """Dates as Excel's own, everything else as it is; the headings' first row merged sideways."""
    with xlsxwriter.Workbook(str(file)) as book:
        sheet = book.add_worksheet()
        day, moment = (book.add_format({"num_format": form}) for form in ("dd/mm/yyyy", "dd/mm/yyyy hh:mm:ss"))
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, column, cell, moment if isinstance(cell, datetime) else day)
                elif cell is not None:
                    sheet.write(number, column, cell) if not isinstance(cell, str) else sheet.write_string(
                        number, column, cell
                    )
    return file


def xls_bytes(rows: Rows) -> bytes:
    """Excel 97: texts as labels, numbers as numbers."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    sheet = record(0x809, struct.pack("<HHHHII", 0x0600, 0x10, 0, 0, 0, 0))
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            if isinstance(cell, str) and cell:
                text = cell.encode("utf-16-le")
                sheet += record(0x204, struct.pack("<HHHHB", number, column, 0, len(text) // 2, 1) + text)
            elif isinstance(cell, int | float):
                sheet += record(0x203, struct.pack("<HHHd", number, column, 0, cell))
    begin = record(0x809, struct.pack("<HHHHII", 0x0600, 5, 0, 0, 0, 0))
    start = len(begin) + len(record(0x85, bytes(8) + b"Sheet")) + 4
    book = begin + record(0x85, struct.pack("<IBBBB", start, 0, 0, 5, 0) + b"Sheet") + record(0x0A, b"")
    return container("Workbook", book + sheet + record(0x0A, b""))


def read_rows(folder: Path, rows: Rows, bank: str = "auto", name: str = "saoke.csv") -> StatementFile:
    return read_bytes(folder, csv_bytes(rows), bank, name)


def read_bytes(folder: Path, content: bytes | str, bank: str = "auto", name: str = "saoke.txt") -> StatementFile:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read(file, bank=bank)


def only(read: StatementFile) -> Section:
    (section,) = read.sections
    return section


def told(line: Line) -> Paid:
    """A line as the movement it was written from; of money going out only day, time and amount are left."""
    when: datetime | date = line.business_date
    if line.occurred_at:
        when = line.occurred_at.astimezone(ZONE).replace(tzinfo=None)
    amount = line.amount if line.direction == "in" else -line.amount
    return Paid(when, amount, line.reference or "", line.memo)


def bare(paid: Paid, *, referenced: bool = True, timed: bool = True) -> Paid:
    """What may be left of a movement after reading."""
    when = paid.when if timed and paid.moment else paid.day
    if paid.amount < 0:
        return Paid(when, paid.amount, "", "")
    memo = " ".join(unicodedata.normalize("NFC", paid.memo).split())
    return replace(paid, when=when, reference=paid.reference if referenced else "", memo=memo)
