"""Printed papers: a typst template and what it shows, made into a tagged PDF/A with fonts of our own."""

import re
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import typst

from ground import clock

PAPERS = Path(__file__).parent.parent / "templates" / "papers"
# Tagged, for reading aloud too (PDF/UA), and complete in itself for the archive (PDF/A).
STANDARDS: "list[typst.PDFStandard]" = ["a-2a", "ua-1"]
_UNSHOWN = re.compile(r'the text `"((?:[^"\\]|\\.)+)"` could not be displayed')
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")


def pdf(template: str, content: Any, moment: datetime) -> bytes:
    """`templates/papers/TEMPLATE.typ` filled with `content` (plain JSON values), as a PDF dated `moment`.

    Letters that the fonts do not have are left out of the content: PDF/A does not allow what can't be shown,
    so a name in another script costs its paper those letters instead of the whole print.
    """
    while True:
        try:
            made = _compiler(template, content).compile(
                format="pdf", pdf_standards=STANDARDS, timestamp=moment.astimezone(clock.ZONE).replace(microsecond=0)
            )
        except typst.TypstError as error:
            unshown = {_plain(found) for found in _UNSHOWN.findall(error.diagnostic)}
            if not unshown:
                raise
            content = _without(content, "".join(unshown))
        else:
            assert isinstance(made, bytes)
            return made


def _compiler(template: str, content: Any) -> typst.Compiler:
    return typst.Compiler(
        PAPERS / f"{template}.typ",
        root=PAPERS,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"content": orjson.dumps(content).decode()},
    )


@cache
def _fonts() -> typst.Fonts:
    """The machine's own fonts stay out: the same paper comes out everywhere."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(files("font_source_sans_pro") / "files")])


def _plain(quoted: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), quoted)


def _without(content: Any, letters: str) -> Any:
    if isinstance(content, str):
        return " ".join("".join(letter for letter in content if letter not in letters).split())
    if isinstance(content, dict):
        return {name: _without(value, letters) for name, value in content.items()}
    if isinstance(content, list):
        return [_without(value, letters) for value in content]
    return content
