"""Measures a root: every country that has sites, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.realism import RealismRules
from segment1b_assets.realism.chosen import (
    Chain,
    Points,
    candidates_of,
    chosen_chains,
    points_of,
)
from segment1b_assets.realism.country import measure_country
from segment1b_assets.realism.judgement import judge_countries, judge_world
from segment1b_assets.realism.verdicts import Judged, JudgedCountry
from segment1b_assets.realism.world import World
from segment1b_assets.storage.parquet import lineage_of
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count

#: Points of a world map at most, give or take one a country. A page has room for two such maps at
#: 35 bytes a point, and a screen for no more.
MOST_POINTS: Final = 90_000


@dataclass(frozen=True)
class Measured:
    """A root measured and judged.

    Attributes:
        asked: the countries asked for, or None for all that have outlets.
        missing: country -> why it could not be measured.
        judged: the measures, bad ones first.
        countries: in code order.
        points: of the map, by country; `sites` says how many there are in all.
        chains: size -> the chains drawn.
    """

    inputs: RunInputs
    rules: RealismRules
    asked: tuple[str, ...] | None
    world: World
    missing: Mapping[str, str]
    judged: Sequence[Judged]
    countries: Sequence[JudgedCountry]
    points: Sequence[Points]
    chains: Mapping[int, list[Chain]]

    @property
    def sites(self) -> int:
        return sum(c.summary.sites for c in self.countries)

    @property
    def believable(self) -> bool:
        """Whether no measure is beyond what is believable."""
        return all(j.verdict != "not believable" for j in self.judged)


def measure_root(
    inputs: RunInputs,
    rules: RealismRules,
    asked: Sequence[str] | None = None,
) -> Measured:
    """Measure the published countries; those with outlets that are not published are named.

    Args:
        asked: some countries; all that have outlets if None.

    Raises:
        Segment1BError: E_INPUT_MISSING where no country is published; what a country's own files
            raise.
    """
    demanded = inputs.demanded
    chosen = demanded if asked is None else [c for c in demanded if c in set(asked)]
    missing = {c: why for c in chosen if (why := _absence(inputs, c)) is not None}
    there = [c for c in chosen if c not in missing]
    if not there:
        raise Segment1BError(
            "E_INPUT_MISSING", "no country that was asked for has published sites",
            country=chosen[0] if len(chosen) == 1 else None, file=inputs.root.path,
            value=len(chosen), next_step="segment1b run --states s0..s8 --countries all",
        )  # fmt: skip
    total = sum(row_count(inputs, "site_locations", c) for c in there)
    world = World(rules)
    points, candidates = [], []
    for country in there:
        found = measure_country(inputs, country, rules)
        world.add(found)
        most = -(-MOST_POINTS * found.sites.total // max(1, total))
        points.append(points_of(country, found.sites, most, rules.draw_key))
        candidates += candidates_of(country, found.sites)
    countries = judge_countries(world)
    return Measured(
        inputs=inputs,
        rules=rules,
        asked=None if asked is None else tuple(sorted(asked)),
        world=world,
        missing=missing,
        judged=judge_world(world, countries),
        countries=countries,
        points=points,
        chains=chosen_chains(candidates),
    )


def _absence(inputs: RunInputs, country: str) -> str | None:
    for dataset in ("site_locations", "tile_weights"):
        if not inputs.files(dataset, country):
            return inputs.absence(dataset, country)
    first = inputs.files("site_locations", country)[0]
    if lineage_of(first).get("parameter_hash", inputs.parameter_hash) != inputs.parameter_hash:
        return "its site_locations stem from other policies or another raster (parameter_hash)"
    return None
