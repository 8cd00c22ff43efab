"""ISO 20022 camt.052, 053 and 054 in any version, each entry read by `xsdata` into the classes of `pyiso20022`."""

import importlib
import re
import typing
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, iterparse

from xsdata.exceptions import ConverterError, ParserError
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.parsers.handlers import XmlEventHandler

from ground.refusal import Refusal
from payments.statements.camt_entry import balances, movements, of_account, period
from payments.statements.cell import Unreadable
from payments.statements.line import Helper
from payments.statements.section import Block, Draft, StatementFile
from payments.statements.table import MOST_LINES
from payments.statements.unreadable import Errors

_NAMESPACE = re.compile(r"\{(urn:[^{}]*:(camt\.(05[234])\.001\.([0-9]{2})))\}Document")
_ANY_CAMT = re.compile(r"\{[^{}]*\b(camt\.[0-9.]+)\}")
_MESSAGES = {"052": "BkToCstmrAcctRpt", "053": "BkToCstmrStmt", "054": "BkToCstmrDbtCdtNtfctn"}
_DOCTYPE = re.compile(r"<!(DOCTYPE|ENTITY)", re.I)
_STRICT = ParserConfig(fail_on_unknown_properties=False, fail_on_converter_warnings=True)
_BROKEN = (ParserError, ConverterError, ValueError, TypeError, ArithmeticError)


def read_camt(file: Path, head: str, helper: Helper | None = None) -> StatementFile:
    """Every statement, report or notification in the file, whose beginning is `head`. A row is an entry, counted."""
    if _DOCTYPE.search(head):  # no bank needs entities, and they can be bombs
        raise Refusal("statement.bad_xml", name=file.name)
    reading = _Reading(file.name, helper)
    for event, element in _walk(file):
        reading.take(event, element)
    return reading.finish()


def _walk(file: Path) -> Iterator[tuple[str, Element]]:
    try:
        with file.open("rb") as content:
            yield from iterparse(content, ("start", "end"))
    except (ParseError, LookupError, ValueError) as error:  # bad XML, or an encoding nobody knows
        raise Refusal("statement.bad_xml", name=file.name) from error


class _Reading:
    """Follows the document down to the parts of each statement, which are read and let go one by one."""

    def __init__(self, name: str, helper: Helper | None) -> None:
        self._name, self._helper = name, helper
        self._errors = Errors()
        self._parser = XmlParser(config=_STRICT, handler=XmlEventHandler)
        self._path: list[Element] = []
        self._prefix = ""
        self._kinds: dict[str, Any] = {}
        self._drafts: dict[str | None, Draft] = {}
        self._draft: Draft | None = None
        self._entries = 0
        self._told: list[Any] = []

    def take(self, event: str, element: Element) -> None:
        if event == "start":
            if not self._path:
                self._begin(element)
            self._path.append(element)
            return
        self._path.pop()
        depth = len(self._path)
        if depth == 3 and element.tag.startswith(self._prefix):
            self._read_part(element, element.tag.removeprefix(self._prefix))
            self._path[-1].remove(element)
        elif depth == 2:
            self._close()
            self._path[-1].remove(element)

    def finish(self) -> StatementFile:
        self._errors.check(self._name)
        if not self._drafts:
            raise Refusal("statement.no_message", name=self._name)
        return StatementFile("camt", tuple(draft.finish(self._name) for draft in self._drafts.values()))

    def _begin(self, root: Element) -> None:
        match = _NAMESPACE.fullmatch(root.tag)
        module = f"camt_{match[3]}_001_{match[4]}" if match else ""
        try:
            classes = importlib.import_module(f"pyiso20022.camt.{module}.{module}") if match else None
        except ModuleNotFoundError:
            classes = None
        if match is None or classes is None:
            other = _ANY_CAMT.match(root.tag)
            raise Refusal("statement.camt_version", name=self._name, message=other[1] if other else root.tag[:60])
        self._prefix = f"{{{match[1]}}}"
        # Version 1 calls it BkToCstmrStmtV01.
        message = next(kind for tag, kind in _kinds(classes.Document).items() if tag.startswith(_MESSAGES[match[3]]))
        statement = next(kind for tag, kind in _kinds(message).items() if tag in ("Stmt", "Rpt", "Ntfctn"))
        self._kinds = _kinds(statement)

    def _read_part(self, element: Element, tag: str) -> None:
        if tag not in ("Acct", "Bal", "FrToDt", "Ntry"):
            return
        self._entries += tag == "Ntry"
        try:
            part = self._parser.parse(element, self._kinds[tag])
        except _BROKEN:
            self._errors.add(self._entries, tag, Unreadable("statement.bad_entry"))
            return
        if tag == "Acct":
            self._open(part)
        elif self._draft is None:
            raise Refusal("statement.no_account", name=self._name, row=self._entries)
        elif tag == "FrToDt":
            self._draft.cover(*period(part))
        elif tag == "Bal":
            self._told.append(part)
        else:
            self._add(self._draft, part)

    def _open(self, part: Any) -> None:
        number, currency = of_account(part)
        if currency not in (None, "VND"):
            raise Refusal("statement.foreign", name=self._name, currency=currency)
        if number is None:
            raise Refusal("statement.no_account", name=self._name, row=self._entries)
        known = self._drafts.get(number)
        self._draft = known or self._drafts.setdefault(number, Draft(number, self._entries + 1, self._helper))
        if known:
            self._draft.blocks.append(Block(self._entries + 1))

    def _add(self, draft: Draft, entry: Any) -> None:
        try:
            found = list(movements(self._entries, entry, draft.account))
        except Unreadable as failure:
            if failure.code == "statement.foreign_amount":
                raise Refusal("statement.foreign", name=self._name, currency=failure.params["text"]) from failure
            self._errors.add(self._entries, "Ntry", failure)
            return
        for movement in found:
            draft.add(movement)
            draft.follow(movement.row, movement.day, movement.amount, None)
            if len(draft.lines) > MOST_LINES:
                raise Refusal("statement.too_many_lines", status=413, name=self._name, most=MOST_LINES)

    def _close(self) -> None:
        if self._draft is not None:
            try:
                self._draft.block.opening, self._draft.block.closing = balances(self._told)
            except Unreadable as failure:
                self._errors.add(self._entries, "Bal", failure)
        self._draft, self._told = None, []


def _kinds(kind: Any) -> dict[str, Any]:
    """The classes of a class's elements, by their XML names."""
    hints = typing.get_type_hints(kind)
    return {item.metadata["name"]: _inner(hints[item.name]) for item in fields(kind) if "name" in item.metadata}


def _inner(hint: Any) -> Any:
    """`list[X]` and `X | None` as X."""
    inner = [part for part in typing.get_args(hint) if part is not type(None)]
    return inner[0] if inner else hint
