"""Which bank's layout a table is in, by its title, the bank's name, its headings."""

from functools import cache

from ground import words
from ground.refusal import Refusal
from merchants.spelling import fold
from payments.statements.heading import DAYS, Header, statement_words

TABLES = ("vietcombank", "bidv", "mb", "techcombank", "csv")
BANKS = (*TABLES, "mt940", "camt")
_TITLE, _NAME, _HEADINGS, _MARK = 4, 4, 2, 1


def recognise_layout(above: str, header: Header) -> str:
    """The bank whose marks weigh most in the texts above the list and its headings; `csv` where there are none."""
    texts = f" {above} "
    weights = {bank: _weigh(bank, texts, header) for bank in statement_words()["layouts"]}
    best = max(weights, key=lambda bank: weights[bank])
    return best if weights[best] else "csv"


def check_bank(asked: str, found: str, name: str) -> None:
    """Refuses a file of another layout than was asked for."""
    if asked not in ("auto", found):
        shown = {language: (title(asked, language), title(found, language)) for language in words.LANGUAGES}
        raise OtherBank(name, shown)


class OtherBank(Refusal):
    """The refusal of a file in another layout, naming both in the reader's language."""

    def __init__(self, name: str, shown: dict[str, tuple[str, str]]) -> None:
        super().__init__("statement.other_bank", name=name)
        self._shown = shown

    def message(self, language: str = "vi") -> str:
        asked, found = self._shown[language]
        return words.say(self.code, language, **self.params, asked=asked, found=found)


def title(bank: str, language: str) -> str:
    return words.say(f"statement.layout.{bank}", language)


def _weigh(bank: str, texts: str, header: Header) -> int:
    told, columns = _marks(bank), set(header.places)
    days = columns.intersection(DAYS)
    weight = _TITLE * any(f" {word} " in texts for word in told["titles"])
    weight += _NAME * any(f" {word} " in texts for word in told["names"])
    weight += _MARK * any(f" {word} " in texts for word in told["marks"])
    alike = any(
        columns >= set(asked) and days <= set(asked) for asked in statement_words()["layouts"][bank]["headings"]
    )
    spelled = any(header.spellings >= {fold(word) for word in asked} for asked in _spellings(bank))
    return weight + _HEADINGS * (alike or spelled)


@cache
def _marks(bank: str) -> dict[str, tuple[str, ...]]:
    told = statement_words()["layouts"][bank]
    return {kind: tuple(fold(word) for word in told[kind]) for kind in ("titles", "names", "marks")}


def _spellings(bank: str) -> list[list[str]]:
    spellings: list[list[str]] = statement_words()["layouts"][bank]["spellings"]
    return spellings
