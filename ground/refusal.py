"""The one exception for what somebody can mend: a code, a status, and the words that say it."""

from ground import words


class Refusal(Exception):
    """A request that can't be met as it stands, raised beside the rule that refuses it.

    `code` is a key of the word files (`"roll.no_heading"`), `status` the HTTP status of the same answer,
    the keyword arguments fill the sentence.
    """

    def __init__(self, code: str, /, *, status: int = 422, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.params = params

    def message(self, language: str = "vi") -> str:
        return words.say(self.code, language, **self.params)

    def __str__(self) -> str:
        return self.message("en")
