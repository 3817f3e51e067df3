"""Attempts a site of S6 under both modes, country by country.

    python -m benchmarks.jitter_modes --root DIR    # the sites of S5 as they lie there
    python -m benchmarks.jitter_modes --root DIR --country MV --sites 5000000 --mode uniform_v2

The first form needs S0 to S5 of the countries. The second one shares the given number of sites out
over the country's tiles by their weights (S1 and S2 are enough), with one merchant: what S6 meets
where a small country has many outlets. Only the search is timed: no row, no log.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.attempts import Attempts
from segment1b_assets.core.cell_box import CellBoxes
from segment1b_assets.core.point_in_country import CountryTest
from segment1b_assets.core.site_batches import SITE_BATCH
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets.storage.upstream import batches

MODES = ("uniform_v1", "uniform_v2")
_SITE = ["merchant_id", "site_order", "tile_id"]


def attempts(
    inputs: RunInputs, country: str, mode: str, sites: Iterable[pa.RecordBatch], most: int
) -> tuple[int, int, int, int, float]:
    """Sites, attempts, the most of a site, sites that none of `most` placed, seconds."""
    began = time.perf_counter()
    sites = list(sites)
    columns = [b.column("tile_id").to_numpy() for b in sites]
    tiles = np.unique(np.concatenate(columns)) if columns else np.empty(0, np.uint64)
    polygon = inputs.polygon(country)
    assert polygon is not None
    test = CountryTest(polygon, inputs.grid, tiles)
    boxes = CellBoxes.of(polygon, inputs.grid, tiles) if mode == "uniform_v2" else None
    identity: Identity = inputs.identity
    total = peak = lost = count = 0
    for batch in sites:
        needed = Attempts(country, identity, inputs.grid, batch, boxes).needed(test, most)
        failed = int(np.count_nonzero(needed == 0))
        count, lost = count + needed.size, lost + failed
        total += int(needed.sum()) + failed * most
        peak = max(peak, int(needed.max()))
    return count, total, peak, lost, time.perf_counter() - began


def assigned(inputs: RunInputs, country: str) -> Iterator[pa.RecordBatch]:
    """The country's rows of S5."""
    for batch in batches(inputs, "s5_site_tile_assignment", country, "E_INPUT_MISSING", _SITE):
        for start in range(0, batch.num_rows, SITE_BATCH):
            yield batch.slice(start, SITE_BATCH)


def by_weight(inputs: RunInputs, country: str, sites: int) -> Iterator[pa.RecordBatch]:
    """About `sites` sites of one merchant, in each tile its share of the weight."""
    names = ["tile_id", "weight_fp"]
    rows = list(batches(inputs, "tile_weights", country, "E_INPUT_MISSING", names))
    tile = np.concatenate([b.column("tile_id").to_numpy() for b in rows])
    weight = np.concatenate([b.column("weight_fp").to_numpy() for b in rows]).astype(np.float64)
    of_tile = np.rint(weight * (sites / weight.sum())).astype(np.int64)
    tile_id = np.repeat(tile, of_tile)
    for start in range(0, tile_id.size, SITE_BATCH):
        some = tile_id[start : start + SITE_BATCH]
        yield pa.RecordBatch.from_pydict(
            {
                "merchant_id": np.full(some.size, 7, np.uint64),
                "site_order": np.arange(start + 1, start + some.size + 1, dtype=np.int32),
                "tile_id": some,
            }
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--country", help="a code, or several with commas; default all")
    parser.add_argument("--sites", type=int, default=0)
    parser.add_argument("--attempts", type=int, default=0, help="default: the policy's")
    parser.add_argument("--mode", choices=MODES, help="only this one")
    given = parser.parse_args()
    modes = (given.mode,) if given.mode else MODES
    inputs = RunInputs(RunOptions(given.root))
    inputs.preload("iso_names", "policies", "identity", "receipt", "grid", "shapes")
    most = given.attempts or inputs.policies["policy.s6.jitter"].max_attempts
    codes = given.country.split(",") if given.country else list(inputs.iso_names)
    sums = {mode: np.zeros(4) for mode in modes}
    print(
        f"at most {most} attempts a site\n"
        "country  mode          sites   attempts  a site     most  E613"
    )
    for country in codes:
        if inputs.polygon(country) is None:
            continue
        for mode in modes:
            sites = (
                by_weight(inputs, country, given.sites)
                if given.sites
                else assigned(inputs, country)
            )
            count, total, peak, lost, seconds = attempts(inputs, country, mode, sites, most)
            if not count:
                break
            sums[mode] += (count, total, lost, seconds)
            print(
                f"{country:7}  {mode} {count:8} {total:10} {total / count:7.3f} {peak:8} {lost:5}"
                f"  {seconds:.2f} s"
            )
    for mode, (count, total, lost, seconds) in sums.items():
        print(
            f"all      {mode} {count:8.0f} {total:10.0f} {total / max(count, 1):7.3f}          "
            f"{lost:5.0f}  {seconds:.2f} s"
        )


if __name__ == "__main__":
    main()
