"""A paragraph for each indicator, written from its figure: what an official would say of it, and no more."""

from ground import number
from payments import figure_words
from payments.figure_words import Told
from payments.report import Report


def paragraph(told: Report, each: Told) -> str:
    """One that is not shown says so and why."""
    figure = each.figure
    if figure.value is None:
        return told.say(f"report.say.{figure.status}", name=each.name, reason=each.reason)
    said = [told.say(f"report.say.{each.indicator}", **_numbers(told, each))]
    if each.interval:
        low, high = (number.percent(end, told.language) for end in (figure.low or 0, figure.high or 0))
        key = "typical" if figure.method == "volunteers" else "interval"
        said.append(told.say(f"report.say.{key}", low=low, high=high))
    if figure.least is not None and figure.most is not None and figure.least < figure.most:
        least, most = (number.percent(end, told.language) for end in (figure.least, figure.most))
        said.append(told.say("report.say.bounds", least=least, most=most))
    if each.reason:
        said.append(told.say("report.say.remark", reason=each.reason))
    return " ".join(said)


def _numbers(told: Report, each: Told) -> dict[str, object]:
    figure = each.figure
    found: dict[str, object] = {
        "value": each.value,
        "k": figure.k,
        "n": number.count(figure.n, told.language),
        "size": number.count(figure.N, told.language),
    }
    for name in ("numerator", "denominator"):
        whole = getattr(figure, name)
        found[name] = "" if whole is None else figure_words.amount(whole, each.indicator, told.language)
    return found
