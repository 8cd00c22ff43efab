"""The catalogue of the open data: DCAT as JSON-LD, so that portals of open data find and describe it by themselves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ground import words
from payments import open_data, period_name
from payments.period import Period

CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_EU = "http://publications.europa.eu/resource/authority/"
# The European authorities' names for what it is about, where, in which languages, and how often it is renewed.
THEME, PLACE = f"{_EU}data-theme/ECON", f"{_EU}country/VNM"
LANGUAGES = (f"{_EU}language/VIE", f"{_EU}language/ENG")
DAILY = f"{_EU}frequency/DAILY"
MEDIA = "https://www.iana.org/assignments/media-types/"
CSVW, SDMX = "http://www.w3.org/ns/csvw", "https://sdmx.org/"


class Address(NamedTuple):
    """Where this installation answers, who publishes, and under which licence: no licence is claimed for anybody."""

    base_url: str
    publisher: str
    licence: str

    def of(self, path: str) -> str:
        return self.base_url.rstrip("/") + path


def catalog(at: Address, periods: Sequence[Period], *, as_of: datetime) -> dict[str, Any]:
    """A series of datasets, one for each period, each as CSV and as SDMX-CSV."""
    series = at.of("/open/#rates")
    return {
        "@context": CONTEXT,
        "@id": at.of("/open/catalog.jsonld"),
        "@type": "dcat:Catalog",
        **_described("title", "lead"),
        **_published(at),
        "dct:language": [_id(each) for each in LANGUAGES],
        "foaf:homepage": _id(at.of("/open/")),
        "dcat:themeTaxonomy": _id(f"{_EU}data-theme"),
        "dcat:dataset": [
            {
                "@id": series,
                "@type": "dcat:DatasetSeries",
                **_described("title", "lead"),
                **_published(at),
                "dct:accrualPeriodicity": _id(DAILY),
                "dct:spatial": _id(PLACE),
                "dcat:theme": [_id(THEME)],
            },
            *(_dataset(at, each, series, as_of) for each in periods),
        ],
    }


def _dataset(at: Address, asked: Period, series: str, as_of: datetime) -> dict[str, Any]:
    return {
        "@id": at.of(f"/open/#rates-{asked.text}"),
        "@type": "dcat:Dataset",
        "dct:identifier": f"rates-{asked.text}",
        "dct:title": _named_texts(asked),
        "dct:description": _texts("lead"),
        **_published(at),
        "dcat:inSeries": _id(series),
        "dct:accrualPeriodicity": _id(DAILY),
        "dct:spatial": _id(PLACE),
        "dct:language": [_id(each) for each in LANGUAGES],
        "dcat:theme": [_id(THEME)],
        "dct:temporal": {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _day(asked.first.isoformat()),
            "dcat:endDate": _day(asked.counted_until(as_of).isoformat()),
        },
        "dcat:distribution": [
            _distribution(at, asked, "rates.csv", "text/csv", CSVW, "csv"),
            _distribution(at, asked, "rates.sdmx.csv", "application/vnd.sdmx.data+csv", SDMX, "sdmx"),
        ],
    }


def _distribution(at: Address, asked: Period, file: str, media: str, standard: str, key: str) -> dict[str, Any]:
    url = at.of(f"/open/{file}?period={asked.text}")
    return {
        "@id": url,
        "@type": "dcat:Distribution",
        "dct:title": _texts(f"file.{key}"),
        "dcat:accessURL": _id(at.of("/open/")),
        "dcat:downloadURL": _id(url),
        "dcat:mediaType": _id(MEDIA + media),
        "dct:conformsTo": _id(standard),
        **_licensed(at),
    }


def dictionary(at: Address, asked: Period) -> dict[str, Any]:
    """The CSV's columns as CSV on the Web has them: name, type and meaning of each, and what tells rows apart."""
    return {
        "@context": [CSVW, {"@language": "vi"}],
        "url": f"rates.csv?period={asked.text}",
        "dc:title": _named_texts(asked),
        **({"dc:license": _id(at.licence)} if at.licence else {}),
        "dialect": {"delimiter": ",", "encoding": "utf-8", "header": True},
        "tableSchema": {
            "columns": [
                {
                    "name": name,
                    "titles": name,
                    "datatype": kind,
                    "null": "",
                    "dc:description": _texts(f"column.{name}"),
                    **({"separator": ";"} if name == "sources" else {}),
                }
                for name, kind in open_data.COLUMNS.items()
            ],
            "primaryKey": list(open_data.KEY),
        },
    }


def _named_texts(asked: Period) -> list[dict[str, str]]:
    named = {language: period_name.name(asked, language) for language in words.LANGUAGES}
    return [
        {"@language": language, "@value": words.say("open_data.of_period", language, period=name)}
        for language, name in named.items()
    ]


def _described(title: str, description: str) -> dict[str, Any]:
    return {"dct:title": _texts(title), "dct:description": _texts(description)}


def _published(at: Address) -> dict[str, Any]:
    return {"dct:publisher": {"@type": "foaf:Agent", "foaf:name": at.publisher}} if at.publisher else {}


def _licensed(at: Address) -> dict[str, Any]:
    return {"dct:license": _id(at.licence)} if at.licence else {}


def _texts(key: str) -> list[dict[str, str]]:
    return [{"@language": language, "@value": words.say(f"open_data.{key}", language)} for language in words.LANGUAGES]


def _id(iri: str) -> dict[str, str]:
    return {"@id": iri}


def _day(text: str) -> dict[str, str]:
    return {"@type": "xsd:date", "@value": text}
