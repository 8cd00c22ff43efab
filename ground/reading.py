"""Amounts read out: any number of đồng from nothing to 999,999,999,999 in words, as a loudspeaker says them.

Of the ways Vietnamese is spoken these were chosen: "nghìn", as banks announce and contracts write it; "lẻ" for an
empty ten, which is understood everywhere and at home in the South, where these markets are ("linh" is the North's);
"tư" after "mươi" (hai mươi tư), as schools teach it, and "bốn" anywhere else.
"""

from ground import money, words

_VI = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_VI_AFTER_TEN = {5: "lăm"}
_VI_AFTER_TENS = {1: "mốt", 4: "tư", 5: "lăm"}
_VI_GROUPS = ("", "nghìn", "triệu", "tỷ")
_EN = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_EN_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_EN_GROUPS = ("", "thousand", "million", "billion")


def read_out(amount: int, language: str = "vi") -> str:
    """`200000` as `hai trăm nghìn đồng` (in English `two hundred thousand dong`).

    Whole units, so that 200 is never heard as 200,000.
    """
    number = _in_english(amount) if language == "en" else _in_vietnamese(amount)
    return words.say("reading.amount", language, number=number)


def _in_vietnamese(number: int) -> str:
    said: list[str] = []
    for group, name in _groups(number, _VI_GROUPS):
        said += [*_group_in_vietnamese(group, leads=not said), name]
    return " ".join(filter(None, said)) or _VI[0]


def _group_in_vietnamese(group: int, leads: bool) -> list[str]:
    """Three digits. Only the first group is spoken without its empty hundreds."""
    hundreds, rest = divmod(group, 100)
    tens, ones = divmod(rest, 10)
    said = [_VI[hundreds], "trăm"] if hundreds or not leads else []
    if tens == 0:
        if ones:
            said += ["lẻ", _VI[ones]] if said else [_VI[ones]]
    elif tens == 1:
        said += ["mười", _VI_AFTER_TEN.get(ones, _VI[ones])] if ones else ["mười"]
    else:
        said += [_VI[tens], "mươi", *([_VI_AFTER_TENS.get(ones, _VI[ones])] if ones else [])]
    return said


def _in_english(number: int) -> str:
    said: list[str] = []
    for group, name in _groups(number, _EN_GROUPS):
        hundreds, rest = divmod(group, 100)
        said += [_EN[hundreds], "hundred"] if hundreds else []
        said += [_below_hundred(rest)] if rest else []
        said += [name] if name else []
    return " ".join(said) or _EN[0]


def _below_hundred(number: int) -> str:
    if number < len(_EN):
        return _EN[number]
    tens, ones = divmod(number, 10)
    return f"{_EN_TENS[tens]}-{_EN[ones]}" if ones else _EN_TENS[tens]


def _groups(number: int, names: tuple[str, ...]) -> list[tuple[int, str]]:
    """The groups of three digits that are not empty, the greatest first."""
    assert isinstance(number, int) and 0 <= number < money.DONG_MAX, "only amounts a stall can be paid are read out"
    groups = [(number // 1000**power % 1000, names[power]) for power in range(3, -1, -1)]
    return [(group, name) for group, name in groups if group]
