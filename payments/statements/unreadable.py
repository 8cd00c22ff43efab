"""The rows of a file that can't be read: each named, and nothing of the file taken."""

from dataclasses import dataclass, field

from ground import words
from ground.refusal import Refusal
from payments.statements.cell import Unreadable

MOST_LISTED = 1_000
_SAID = 10


@dataclass(frozen=True)
class RowError:
    """What is wrong with a row: its number in the file, the heading or tag, a word-file key."""

    row: int
    column: str
    reason_code: str
    params: dict[str, object] = field(default_factory=dict)

    def reason(self, language: str = "vi") -> str:
        return words.say(self.reason_code, language, **self.params)


class UnreadableRows(Refusal):
    """All faulty rows at once: `errors` has the first 1,000, the sentence the first ten."""

    def __init__(self, name: str, errors: list[RowError], count: int) -> None:
        super().__init__("statement.unreadable_rows", name=name, count=count)
        self.errors = tuple(errors)

    def message(self, language: str = "vi") -> str:
        said = "; ".join(
            words.say(
                "statement.row_reason", language, row=error.row, column=error.column, reason=error.reason(language)
            )
            for error in self.errors[:_SAID]
        )
        more = int(str(self.params["count"])) - min(_SAID, len(self.errors))
        rest = words.say("statement.more_rows", language, more=more) if more else ""
        return words.say(self.code, language, **self.params, rows=said + rest)


class Errors:
    """Gathers them while the file is read."""

    def __init__(self) -> None:
        self.listed: list[RowError] = []
        self.count = 0

    def add(self, row: int, column: str, failure: Unreadable) -> None:
        self.count += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(RowError(row, column, failure.code, failure.params))

    def check(self, name: str) -> None:
        if self.count:
            raise UnreadableRows(name, self.listed, self.count)
