"""What a new data root starts with: the ISO list and the five policies (contract §3)."""

from __future__ import annotations

import csv
import io
from importlib import resources
from typing import NamedTuple

from segment1b_assets.contracts.policies import POLICY_MODELS


class ListedCountry(NamedTuple):
    """One row of the ISO list."""

    country_iso: str
    alpha3: str
    numeric_code: int
    name: str
    region: str


def listed_countries() -> list[ListedCountry]:
    """The 249 countries of ISO 3166-1 of 2024-12-31, in code order; names are GeoNames'."""
    text = resources.files(__package__).joinpath("iso3166.csv").read_text("utf-8")
    return [
        ListedCountry(r["country_iso"], r["alpha3"], int(r["numeric_code"]), r["name"], r["region"])
        for r in csv.DictReader(io.StringIO(text))
    ]


def starting_policies() -> dict[str, bytes]:
    """Policy id -> the bytes of its file: sites follow population, chains are regional."""
    folder = resources.files(__package__)
    return {name: folder.joinpath(f"{name}.yaml").read_bytes() for name in POLICY_MODELS}
