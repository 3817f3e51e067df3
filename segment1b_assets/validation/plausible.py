"""The check `plausible`: what is lawful and odd in one country's dataset (contract §6).

It warns and never blocks. The rules are cheap: run reports, footers, the country's own sites. Only
P202 reads the raster, up to the first populated cell, and only where the weights did not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from polars.exceptions import PanicException

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.plausibility import PLAUSIBILITY
from segment1b_assets.storage.parquet import open_parquet
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.reports import read_report
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.sidecars import ignored_sidecars
from segment1b_assets.storage.upstream import row_count, tile_runs
from segment1b_assets.validation.columns import Columns, row_text
from segment1b_assets.validation.verdict import Verdict

#: Persons in a cell beyond which a value is taken for a sentinel.
PERSONS: Final = 10_000_000
SITES_IN_A_TILE: Final = 1000
ATTEMPTS_A_SITE: Final = 8
#: A country is large enough for P401 from so many tiles and pairs on.
TILES, PAIRS = 100, 10
#: Degrees; a grid's last edge may pass 180 by rounding.
_ROUNDING: Final = 1e-9

Rule = Callable[[RunInputs, str], Verdict]


def plausible_dataset(inputs: RunInputs, dataset: str, country: str) -> list[Verdict]:
    """Judge what is odd in a published partition; never raises.

    Returns:
        A verdict for each rule of the dataset in `PLAUSIBILITY`. One that cannot be judged, because
        a file cannot be read, has ``judged=False``: what is unreadable is the check `valid`'s.
    """
    return [
        _judged(_RULES[code], code, inputs, country)
        for code, rule in PLAUSIBILITY.items()
        if rule.dataset == dataset
    ]


def _judged(rule: Rule, code: str, inputs: RunInputs, country: str) -> Verdict:
    try:
        return rule(inputs, country)
    except (Exception, PanicException) as err:
        return Verdict.not_judged(code, f"{type(err).__name__}: {err}")


def _verdict(code: str, odd: bool, detail: str, where: str = "", value: Any = None) -> Verdict:
    return Verdict(code, False, detail, {}, where, value) if odd else Verdict(code, True)


def _no_tile(inputs: RunInputs, country: str) -> Verdict:
    odd = country in inputs.shapes.wkb and row_count(inputs, "tile_index", country) == 0
    where = str(inputs.shapes.file)
    return _verdict("P101_NO_TILE", odd, "the polygon covers no cell of the raster", where)


def _sidecars(inputs: RunInputs, country: str) -> Verdict:
    raster = inputs.ensure_local("population_raster_2025")
    names = ", ".join(path.name for path in ignored_sidecars(raster))
    detail = f"{names} beside the raster decides nothing"
    return _verdict("P102_SIDECAR_IGNORED", bool(names), detail, str(raster.parent), names)


def _bounds_beyond_180(inputs: RunInputs, country: str) -> Verdict:
    files = inputs.files("tile_bounds", country)
    return _beyond_180("P111_LONGITUDE_BEYOND_180", files, "min_lon_deg", "max_lon_deg")


def _beyond_180(code: str, files: Sequence[Path], west: str, east: str) -> Verdict:
    low, high = _range_of(files, west)[0], _range_of(files, east)[1]
    value = low if -low > high else high
    odd = abs(value) > 180.0 + _ROUNDING
    return _verdict(code, odd, f"longitudes run from {low!r} to {high!r}", value=value)


def _range_of(files: Sequence[Path], column: str) -> tuple[float, float]:
    """Smallest and largest value of a column by the files' footers; (0, 0) without a row."""
    low, high = math.inf, -math.inf
    for path in files:
        with open_parquet(path) as reader:
            at = reader.schema_arrow.names.index(column)
            for group in range(reader.metadata.num_row_groups):
                found = reader.metadata.row_group(group).column(at).statistics
                if found is None or not found.has_min_max:
                    raise Segment1BError("E_INPUT_SCHEMA", f"{column} has no statistics", file=path)
                low, high = min(low, found.min), max(high, found.max)
    return (low, high) if low <= high else (0.0, 0.0)


def _report(inputs: RunInputs, state: str, country: str, *keys: str) -> list[Any]:
    """Values of the run report; a KeyError where it lacks one."""
    report = read_report(inputs, state, country)
    if report is None:
        raise Segment1BError("E_INPUT_MISSING", "there is no run report")
    return [report[key] for key in keys]


def _zero_mass(inputs: RunInputs, country: str) -> Verdict:
    (fallback,) = _report(inputs, "S2", country, "zero_mass_fallback")
    detail = "every mass is 0, so all tiles weigh the same"
    return _verdict("P201_ALL_MASS_ZERO", fallback is True, detail)


def _no_populated_cell(inputs: RunInputs, country: str) -> Verdict:
    code = "P202_NO_POPULATED_CELL"
    if country not in inputs.shapes.wkb:
        return Verdict(code, True)
    if inputs.policies["policy.s2.tile_weights"].basis == "population":
        (total,) = _report(inputs, "S2", country, "mass_sum_exact")
        populated = total != "0"
    else:
        populated = _is_populated(inputs, country)
    detail = "no cell of the polygon holds a person; is it latitude first?"
    return _verdict(code, not populated, detail, str(inputs.shapes.file))


def _is_populated(inputs: RunInputs, country: str) -> bool:
    raster = RasterValues(inputs.ensure_local("population_raster_2025"))
    for values in raster.values(tile_runs(inputs, country, "E101_TILE_INDEX_MISSING")):
        positive = values > 0
        if raster.nodata is not None:
            positive &= values != raster.nodata
        if positive.any():
            return True
    return False


def _sentinel(inputs: RunInputs, country: str) -> Verdict:
    (largest,) = _report(inputs, "S2", country, "mass_max")
    odd = largest is not None and largest > PERSONS
    raster = str(inputs.path("population_raster_2025"))
    detail = f"a cell holds {largest} persons, more than {PERSONS}"
    return _verdict("P203_SENTINEL_SUSPECTED", odd, detail, raster, largest)


def _more_sites_than_tiles(inputs: RunInputs, country: str) -> Verdict:
    tiles = row_count(inputs, "tile_index", country)
    return _largest(
        "P301_MORE_SITES_THAN_TILES", inputs.files("s3_requirements", country),
        ("merchant_id",), "n_sites", tiles, f"sites, the country {tiles} tiles",
    )  # fmt: skip


def _crowded_tile(inputs: RunInputs, country: str) -> Verdict:
    return _largest(
        "P501_CROWDED_TILE", inputs.files("s4_alloc_plan", country),
        ("merchant_id", "tile_id"), "n_sites_tile", SITES_IN_A_TILE, "sites",
    )  # fmt: skip


def _largest(
    code: str, files: Sequence[Path], names: Sequence[str], counted: str, limit: int, what: str
) -> Verdict:
    """Odd where a row counts more than `limit`; names the row that counts most."""
    most, where = limit, ""
    for block in Columns(files, [*names, counted]).blocks():
        at = int(np.argmax(block[counted]))
        if block[counted][at] > most:
            most, where = int(block[counted][at]), row_text(block, names, at)
    return _verdict(code, most > limit, f"{where} has {most} {what}", where, most)


def _dominant_tile(inputs: RunInputs, country: str) -> Verdict:
    """A majority vote of the sites: the one tile that can hold more than half is then counted."""
    code = "P401_ONE_TILE_DOMINATES"
    large = row_count(inputs, "tile_index", country) >= TILES
    if not large or row_count(inputs, "s3_requirements", country) < PAIRS:
        return Verdict(code, True)
    files = inputs.files("s4_alloc_plan", country)
    candidate = votes = total = 0
    for block in Columns(files, ["tile_id", "n_sites_tile"]).blocks():
        tiles, at = np.unique(block["tile_id"], return_inverse=True)
        sites = np.zeros(tiles.size, np.int64)
        np.add.at(sites, at, block["n_sites_tile"])
        best, in_block = int(np.argmax(sites)), int(sites.sum())
        # Sites of different tiles cancel each other; these of the block's largest tile are left.
        left = max(2 * int(sites[best]) - in_block, in_block % 2)
        total += in_block
        if tiles[best] == candidate:
            votes += left
        elif left > votes:
            candidate, votes = int(tiles[best]), left - votes
        else:
            votes -= left
    held = 0
    for block in Columns(files, ["tile_id", "n_sites_tile"]).blocks():
        held += int(block["n_sites_tile"][block["tile_id"] == candidate].sum())
    detail = f"tile_id {candidate} holds {held} of {total} sites"
    return _verdict(code, 2 * held > total, detail, f"tile_id {candidate}", held)


def _many_attempts(inputs: RunInputs, country: str) -> Verdict:
    sites, events = _report(inputs, "S6", country, "sites", "rng_events")
    mean = events / sites if sites else 0.0
    detail = f"{events} attempts for {sites} sites"
    return _verdict("P601_MANY_ATTEMPTS", mean > ATTEMPTS_A_SITE, detail, value=round(mean, 3))


def _synthesis_beyond_180(inputs: RunInputs, country: str) -> Verdict:
    files = inputs.files("s7_site_synthesis", country)
    return _beyond_180("P701_LONGITUDE_BEYOND_180", files, "lon_deg", "lon_deg")


def _locations_beyond_180(inputs: RunInputs, country: str) -> Verdict:
    files = inputs.files("site_locations", country)
    return _beyond_180("P802_LONGITUDE_BEYOND_180", files, "lon_deg", "lon_deg")


def _same_coordinates(inputs: RunInputs, country: str) -> Verdict:
    """Eight bytes a site: a hash of its coordinates; some equal ones are looked at again.

    Different places may share a hash, but not sixteen times.
    """
    files = inputs.files("site_locations", country)
    names = ("merchant_id", "site_order", "lon_deg", "lat_deg")
    hashes = [_hashed(b["lon_deg"], b["lat_deg"]) for b in Columns(files, names).blocks()]
    ordered = np.sort(np.concatenate([np.empty(0, np.uint64), *hashes]))
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    seen: dict[tuple[float, float], str] = {}
    for block in Columns(files, names).blocks() if repeated.size else ():
        for at in map(int, np.flatnonzero(np.isin(_hashed(block["lon_deg"], block["lat_deg"]),
                                                  repeated[:16]))):  # fmt: skip
            place = (float(block["lon_deg"][at]), float(block["lat_deg"][at]))
            where = row_text(block, names[:2], at)
            if place in seen:
                detail = f"{seen[place]} and {where} are at {place}; {repeated.size} such places"
                return _verdict("P801_SAME_COORDINATES", True, detail, where, str(place))
            seen[place] = where
    return Verdict("P801_SAME_COORDINATES", True)


def _hashed(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint64]:
    mixed = lon.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed += lat.view(np.uint64)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return mixed


_RULES: Final[dict[str, Rule]] = {
    "P101_NO_TILE": _no_tile,
    "P102_SIDECAR_IGNORED": _sidecars,
    "P111_LONGITUDE_BEYOND_180": _bounds_beyond_180,
    "P201_ALL_MASS_ZERO": _zero_mass,
    "P202_NO_POPULATED_CELL": _no_populated_cell,
    "P203_SENTINEL_SUSPECTED": _sentinel,
    "P301_MORE_SITES_THAN_TILES": _more_sites_than_tiles,
    "P401_ONE_TILE_DOMINATES": _dominant_tile,
    "P501_CROWDED_TILE": _crowded_tile,
    "P601_MANY_ATTEMPTS": _many_attempts,
    "P701_LONGITUDE_BEYOND_180": _synthesis_beyond_180,
    "P801_SAME_COORDINATES": _same_coordinates,
    "P802_LONGITUDE_BEYOND_180": _locations_beyond_180,
}
