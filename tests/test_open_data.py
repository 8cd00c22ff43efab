"""Open data: the CSV, its dictionary, SDMX and the catalogue, against the API and against pysdmx's own reader."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from pysdmx.io.csv.sdmx20.reader import read as read_sdmx_csv
from pysdmx.io.csv.sdmx20.writer import write as write_sdmx_csv
from pysdmx.io.json.sdmxjson2.messages.structure import JsonStructureMessage
from pysdmx.io.pd import PandasDataset
from pysdmx.model.dataset import ActionType
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import words
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from merchants import market
from payments import area, figure, indicator, open_data, open_rows, open_structure, period, published, seal
from payments.open_data import Edition
from portal import app as portal
from tests import rates_world
from tests.world import Street, keep, post, three_and_one, told

NOW = datetime(2026, 11, 10, 5, tzinfo=UTC)
SEEDS = (2, 33, 39)


@pytest.fixture
def reader(books: Store) -> Iterator[TestClient]:
    with TestClient(portal.create(books, lambda: True)) as opened:
        yield opened


@pytest.fixture
def busy(books: Store, street: Street) -> Street:
    """Three stalls sold on the 5th of October, one alone in September."""
    three_and_one(books)
    return street


def publish(session: Session, text: str, as_of: datetime = NOW) -> Edition:
    return open_data.publish(session, period.parse(text), as_of=as_of)


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def rows(edition: Edition) -> list[dict[str, str]]:
    return table("".join(open_data.as_csv(edition, "vi")))


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ";".join(value) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_row_is_what_the_api_tells_of_that_area(books: Store, session: Session, seed: int) -> None:
    """One pass over all areas says the same as asking for each by itself, over the reform too."""
    facts = rates_world.draw(seed, postable=False, dense=seed > 30)
    rates_world.store(books, session, facts, by_notice=False)
    for text in (rates_world.reported(seed)[0], "2025-06", "2025", "2026-Q3"):
        found = rows(publish(session, text))
        seen = {(row["area"], row["valid_from"]) for row in found}
        assert len(found) == len(indicator.INDICATORS) * len(seen)
        for key in rates_world.areas(facts):
            try:
                rates = published.rates(session, key, text, as_of=NOW)
            except Refusal:
                assert all(place != key for place, _ in seen if not key.startswith("market:")), key
                continue
            document = indicator.shown(rates, "vi")
            since = cell(rates.whole.area.since)  # one code may have been two wards in turn
            mine = [row for row in found if (row["area"], row["valid_from"]) == (key, since)]
            if not mine:  # nothing stood there
                assert all(told_["N"] == 0 for told_ in document["figures"])
                continue
            for row, told_ in zip(mine, document["figures"], strict=True):
                assert {name: row[name] for name in told_} == {name: cell(value) for name, value in told_.items()}
                for name in ("name", "period", "from", "to", "complete", "takings_until", "definitions_version"):
                    assert row[name] == cell(document[name]), name


def test_the_order_is_stable_and_nothing_of_one_stall_is_in_it(session: Session, busy: Street) -> None:
    found = rows(publish(session, "2026-09"))
    assert [row["area"] for row in found[::10]] == ["province:79", "ward:26506", "market:cho-a"]
    assert [row["indicator"] for row in found[:10]] == [each.__name__ for each in indicator.INDICATORS]
    assert found == rows(publish(session, "2026-09"))
    text = "".join(open_data.as_csv(publish(session, "2026-09"), "vi"))
    assert "7770" not in text and "Cô Ba" not in text and "1000001" not in text
    assert next(row for row in found if row["indicator"] == "cashless_value")["status"] == "suppressed"


def test_a_sealed_area_stays_what_it_was_and_bears_its_seal(books: Store, session: Session, busy: Street) -> None:
    before = rows(publish(session, "2026-10"))
    done = seal.seal(books, "ward:26506", "2026-10", by="tests")
    keep(books, [told(9, 90_000, account="1000002", at="2026-10-05 11:00:00")])
    post(books)
    session.rollback()
    after = rows(publish(session, "2026-10"))
    for was, now in zip(before, after, strict=True):
        sealed = now["area"] == "ward:26506"
        assert (now["revision"], now["sha256"]) == (("1", done.sha256) if sealed else ("", ""))
        if sealed or not was["indicator"].startswith("cashless_"):
            assert was["value"] == now["value"]
        else:
            assert now["value"] == {"cashless_value": "210000", "cashless_count": "4"}[now["indicator"]]


def test_many_areas_come_in_pieces_that_make_one_table(session: Session, busy: Street) -> None:
    edition = publish(session, "2026-10")
    many = edition._replace(releases=list(edition.releases) * 40)
    pieces = list(open_data.as_csv(many, "vi"))
    assert len(pieces) == 7 and len(table("".join(pieces))) == 1200


def dataset(edition: Edition) -> PandasDataset:
    (found,) = read_sdmx_csv("".join(open_rows.as_csv(edition, "vi")))
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_pysdmx_reads_and_writes_the_same_sdmx_csv(books: Store, session: Session, seed: int) -> None:
    facts = rates_world.draw(seed, postable=False, dense=seed > 30)
    rates_world.store(books, session, facts, by_notice=False)
    edition = publish(session, rates_world.reported(seed)[0])
    mine = "".join(open_rows.as_csv(edition, "vi"))
    found = dataset(edition)
    assert found.short_urn == f"Dataflow={open_rows.STRUCTURE_ID}" and found.action is ActionType.Information
    numbers = [
        None if told_.value is None else float(told_.value) for each in edition.releases for told_ in each.rated.figures
    ]
    for text, number in zip(found.data["OBS_VALUE"], numbers, strict=True):
        assert text == "NaN" if number is None else float(text) == number
    again = PandasDataset(structure=open_structure.schema(), data=found.data.astype(object), action=found.action)
    written = write_sdmx_csv([again])
    assert written is not None
    for theirs, ours in zip(table(written), table(mine), strict=True):
        assert list(theirs) == list(ours)
        assert {name: same(value) for name, value in theirs.items()} == {name: same(v) for name, v in ours.items()}


def same(value: str) -> object:
    """Numbers by value: pysdmx writes a count of a column with gaps as 3.0."""
    try:
        return None if value in ("NaN", "#N/A", "") else float(value)
    except ValueError:
        return value


def test_the_structure_names_every_column_and_every_code_that_is_used(session: Session, busy: Street) -> None:
    message = msgspec.json.Decoder(JsonStructureMessage).decode(open_structure.structure(NOW)).to_model()
    (defined,) = message.get_data_structure_definitions()
    data = dataset(publish(session, "2026-10")).data
    assert [each.id for each in defined.components] == list(data.columns)
    for component in defined.components:
        if component.enumeration is not None:
            assert set(data[component.id]) <= {code.id for code in component.enumeration.items}, component.id
    coded = {each.id for each in defined.components if each.enumeration is not None}
    assert coded == {"INDICATOR", "OBS_STATUS", "CONF_STATUS", "UNIT_MEASURE"}
    assert message.get_dataflows()[0].short_urn.endswith(open_rows.STRUCTURE_ID)


def test_a_status_is_said_in_the_codes_of_sdmx() -> None:
    shown = figure.share("acceptance", 3, 4, source="codes")
    cases = [
        (shown, "P", "F"),
        (shown.__class__(**{**shown.__dict__, "status": "final"}), "A", "F"),
        (figure.hide(shown), "Q", "C"),
        (figure.hide(shown, "figure.day_not_over"), "Q", "N"),
        (figure.missing("value_share", "figure.no_cash_known", n=0, size=9), "L", "F"),
        (figure.missing("value_share", "share.too_few", n=3, size=9), "L", "F"),
        (figure.missing("acceptance", "figure.no_stalls", n=0, size=0), "M", "F"),
        (figure.missing("reconciled_share", "figure.no_sales", n=5, size=5), "M", "F"),
    ]
    for each, observed, confidential in cases:
        assert (open_rows.obs_status(each), open_rows.conf_status(each)) == (observed, confidential)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-10-05", "2026-10-05"),
        ("2026-W46", "2026-W46"),
        ("2026-10", "2026-10"),
        ("2026-Q3", "2026-Q3"),
        ("2026-H2", "2026-S2"),
        ("2026-9M", "2026-01-01/P9M"),
        ("2026", "2026"),
    ],
)
def test_a_period_is_written_as_sdmx_writes_it(text: str, said: str) -> None:
    assert open_rows.time_period(text) == said


def test_the_dictionary_explains_every_column_in_both_languages(reader: TestClient, busy: Street) -> None:
    text = reader.get("/open/rates.csv?period=2026-10").text
    told_ = reader.get("/open/rates.csv-metadata.json?period=2026-10").json()
    columns = told_["tableSchema"]["columns"]
    assert [each["name"] for each in columns] == list(table(text)[0])
    assert told_["url"] == "rates.csv?period=2026-10" and "dc:license" not in told_
    for each in columns:
        assert {said["@language"] for said in each["dc:description"]} == {"vi", "en"}
    keys = told_["tableSchema"]["primaryKey"]
    assert len({tuple(row[key] for key in keys) for row in table(text)}) == len(table(text))
    for language in words.LANGUAGES:
        page = reader.get(f"/open/?period=2026-10&lang={language}").text
        assert all(f"<code>{each['name']}</code>" in page for each in columns)


def test_a_download_is_tagged_refused_in_words_and_the_same_in_either_form(reader: TestClient, busy: Street) -> None:
    for path, kind in (("rates.csv", "text/csv"), ("rates.sdmx.csv", "application/vnd.sdmx.data+csv")):
        answer = reader.get(f"/open/{path}?period=2026-10")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
        assert "access-control-allow-origin" not in answer.headers
        tag = answer.headers["etag"]
        assert reader.get(f"/open/{path}?period=2026-10", headers={"If-None-Match": tag}).status_code == 304
        assert reader.get(f"/open/{path}?period=2026-09", headers={"If-None-Match": tag}).status_code == 200
        assert reader.head(f"/open/{path}?period=2026-10").headers["etag"] == tag
        for wrong in ("2099", "2026-13", "x"):
            assert reader.get(f"/open/{path}?period={wrong}").status_code == 422
    plain = table(reader.get("/open/rates.csv?period=2026-10").text)
    coded = table(reader.get("/open/rates.sdmx.csv?period=2026-10").text)
    for row, other in zip(plain, coded, strict=True):
        assert (row["area"], row["indicator"].upper()) == (other["AREA"], other["INDICATOR"])
        assert (row["value"] or "NaN") == other["OBS_VALUE"]


def test_a_later_fact_gives_another_tag(books: Store, reader: TestClient, busy: Street) -> None:
    tag = reader.get("/open/rates.csv?period=2026-10").headers["etag"]
    keep(books, [told(9, 90_000, account="1000002", at="2026-10-05 11:00:00")])
    post(books)
    assert reader.get("/open/rates.csv?period=2026-10", headers={"If-None-Match": tag}).status_code == 200


def test_the_catalogue_names_datasets_whose_files_are_there_and_claims_no_licence(
    reader: TestClient, busy: Street
) -> None:
    answer = reader.get("/open/catalog.jsonld")
    assert answer.headers["content-type"].startswith("application/ld+json")
    told_ = answer.json()
    assert (
        told_["@type"] == "dcat:Catalog" and "license" not in json.dumps(told_) and "publisher" not in json.dumps(told_)
    )
    series, *datasets = told_["dcat:dataset"]
    assert series["@type"] == "dcat:DatasetSeries" and len({each["@id"] for each in datasets}) == len(datasets) >= 15
    for each in (datasets[0], datasets[-1]):
        assert each["dcat:inSeries"]["@id"] == series["@id"]
        assert each["dct:temporal"]["dcat:startDate"]["@value"] <= each["dct:temporal"]["dcat:endDate"]["@value"]
        for file in each["dcat:distribution"]:
            path = file["dcat:downloadURL"]["@id"].removeprefix("http://127.0.0.1:8000")
            found = reader.get(path)
            assert found.status_code == 200
            assert found.headers["content-type"].startswith(file["dcat:mediaType"]["@id"].split("media-types/")[1])


def test_a_licence_is_the_operators_to_name(test_settings: Settings, books: Store, busy: Street) -> None:
    licence = "https://creativecommons.org/licenses/by/4.0/"
    named = {"open_data_licence": licence, "open_data_publisher": "UBND phường Vũng Tàu"}
    store = books._replace(settings=test_settings.model_copy(update=named))
    with TestClient(portal.create(store, lambda: True)) as reader:
        catalogue = reader.get("/open/catalog.jsonld").json()
        assert catalogue["dct:publisher"]["foaf:name"] == "UBND phường Vũng Tàu"
        for each in catalogue["dcat:dataset"][1]["dcat:distribution"]:
            assert each["dct:license"]["@id"] == licence
        assert reader.get("/open/rates.csv-metadata.json").json()["dc:license"]["@id"] == licence
        page = reader.get("/open/").text
        assert licence in page and "UBND phường Vũng Tàu" in page


def test_every_area_a_market_stood_in_is_there_once(session: Session, street: Street) -> None:
    found = market.find(session, "cho-a")
    market.move(session, found, "26526", since=date(2026, 10, 10))
    asked = period.parse("2026-10")
    drawn = area.draw(session, asked.first, asked.last, "period", date(2026, 11, 10))
    keys = [each.key for each in area.every(drawn, asked)]
    assert keys == ["province:79", "ward:26506", "ward:26526", "market:cho-a"]
