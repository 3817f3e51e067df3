"""Times S4's population_arc_v1 on a synthetic country that streams from a generator.

    python -m benchmarks.arc_plan --tiles 20_000_000 --pairs 12_935

A country is a block of whole raster rows of 43,200 cells, most of them with weight; a pair's sites
are heavy-tailed. Prints seconds and peak memory as JSON; the generator is timed by itself too.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.arc_draw import ReachStep
from segment1b_assets.core.arc_plan import arc_plan

BATCH = 1 << 17
DP = 12
NCOLS, MOST_ROWS = 43_200, 21_600
REACH = [ReachStep(2, 3), ReachStep(9, 2), ReachStep(999, 1, 20_000)]
IDENTITY = Identity(seed=42, parameter_hash="a" * 64, manifest_fingerprint="b" * 64)


class SyntheticWeights:
    """Weights that sum to 10^DP over tiles 0, 1, ...; read again from the start at each call."""

    def __init__(self, tiles: int) -> None:
        self.tiles = tiles
        draw = np.random.default_rng(7)
        self._pattern = np.minimum(draw.pareto(1.2, BATCH) * 3, 1e4).astype(np.int64)
        whole, part = divmod(tiles, BATCH)
        total = int(self._pattern.sum()) * whole + int(self._pattern[:part].sum())
        scale = max(1, 10**DP // total)
        self._pattern *= scale
        self._rest = 10**DP - total * scale

    def __call__(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        for start in range(0, self.tiles, BATCH):
            stop = min(start + BATCH, self.tiles)
            weight = self._pattern[: stop - start]
            if start == 0:
                weight = weight.copy()
                weight[0] += self._rest
            yield np.arange(start, stop, dtype=np.uint64), weight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=20_000_000)
    parser.add_argument("--pairs", type=int, default=12_935)
    chosen = parser.parse_args()
    weights = SyntheticWeights(chosen.tiles)
    began = time.perf_counter()
    for _ in weights():
        pass
    generator = time.perf_counter() - began
    cpu = time.process_time()
    draw = np.random.default_rng(11)
    n_sites = np.minimum(1 + draw.pareto(1.1, chosen.pairs) * 2, 20_000).astype(np.int64)
    merchant_id = np.sort(draw.integers(0, 2**64, chosen.pairs, dtype=np.uint64))
    nrows = max(MOST_ROWS, -(-chosen.tiles // NCOLS))
    began = time.perf_counter()
    stream = arc_plan(
        "RU", IDENTITY, "2025-01-01T00:00:00.000000Z", merchant_id, n_sites, weights, DP,
        (nrows, NCOLS), REACH,
    )  # fmt: skip
    log_bytes = sum(len(lines) for chunk in stream.chunks for lines in chunk.logs.values())
    figures = {
        **stream.facts,
        "log_bytes": log_bytes,
        "generator_seconds": round(generator, 2),
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
