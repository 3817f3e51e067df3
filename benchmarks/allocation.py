"""Times S2 and S4 at full size, each step in a process of its own so that its peak memory is seen.

    python -m benchmarks.allocation                     # 45 million synthetic masses; plans over 10
    python -m benchmarks.allocation --root DIR --country RU     # a country of a world on disk

The synthetic raster has a constant background (40 %), a heavy tail and zeros (10 %). Plans are
2,000 pairs of heavy-tailed site counts, of which 20 are worked out again over all tiles.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.allocation import alloc_plan
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.eligibility import Eligibility
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.tiles import tile_index
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.storage.parquet import PartitionWriter, read_batches
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets.validation.judges.s2_tile_weights import judge_tile_weights
from segment1b_assets.validation.judges.s4_alloc_plan import judge_alloc_plan
from segment1b_assets.validation.verdict import Verdict

NCOLS = 43_200
CHECKED_PAIRS = 20

Facts = dict[str, Any]


def make_raster(folder: Path, tiles: int) -> Facts:
    """Write the synthetic raster: whole rows of NCOLS cells, 512 x 512 blocks, deflate."""
    nrows = -(-tiles // NCOLS)
    draw = np.random.default_rng(20251123)
    profile = {
        "driver": "GTiff", "height": nrows, "width": NCOLS, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "transform": rasterio.Affine(1 / 120, 0, -180, 0, -1 / 120, 84),
        "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate",
        "predictor": 3, "zlevel": 1,
    }  # fmt: skip
    with rasterio.open(folder / "population.tif", "w", **profile) as raster:
        for row in range(0, nrows, 512):
            rows = min(512, nrows - row)
            masses = np.exp(draw.normal(4, 2, (rows, NCOLS)).astype(np.float32))
            kind = draw.random((rows, NCOLS), dtype=np.float32)
            masses[kind < 0.4] = 0.25
            masses[kind > 0.9] = 0
            raster.write(masses, 1, window=Window(0, row, NCOLS, rows))
    return {"tiles": tiles}


def cells_of(options: argparse.Namespace, folder: Path) -> tuple[Grid, CellRuns, Path]:
    """The grid, the country's cells and the raster, synthetic or of a world on disk."""
    if options.root:
        inputs = RunInputs(RunOptions(root=options.root))
        raster = inputs.root.path_for("population_raster_2025")
        return inputs.grid, inputs.eligibility(options.country).runs, raster
    nrows = -(-options.tiles // NCOLS)
    starts = np.arange(0, options.tiles, NCOLS, dtype=np.int64)
    runs = CellRuns(starts, np.minimum(starts + NCOLS, options.tiles), NCOLS)
    return Grid(1 / 120, -180, -1 / 120, 84, nrows, NCOLS), runs, folder / "population.tif"


def publish(folder: Path, dataset: str, stream: PartitionStream) -> list[Path]:
    folder.mkdir(exist_ok=True)
    with PartitionWriter(folder, TABLES[dataset], {"country": "RU"}) as writer:
        for chunk in stream.chunks:
            writer.write(chunk.rows)
    return sorted(folder.iterdir())


def make_index(options: argparse.Namespace, folder: Path) -> Facts:
    grid, runs, _ = cells_of(options, folder)
    eligibility = Eligibility(runs, runs.count, runs.count, 0, 0)
    publish(folder / "index", "tile_index", tile_index("RU", grid, eligibility, "center"))
    return {"tiles": runs.count}


def time_weights(options: argparse.Namespace, folder: Path) -> Facts:
    """S2 without the parquet writer."""
    _, runs, raster = cells_of(options, folder)
    clock = Clock()
    stream = tile_weights("RU", runs, "population", options.dp, RasterValues(raster))
    for _ in stream.chunks:
        pass
    return {**clock.facts(runs.count), **stream.facts}


def write_weights(options: argparse.Namespace, folder: Path) -> Facts:
    """S2 with the parquet writer."""
    _, runs, raster = cells_of(options, folder)
    clock = Clock()
    stream = tile_weights("RU", runs, "population", options.dp, RasterValues(raster))
    files = publish(folder / "weights", "tile_weights", stream)
    return {**clock.facts(runs.count), "bytes": sum(f.stat().st_size for f in files)}


def judge_weights(options: argparse.Namespace, folder: Path) -> Facts:
    _, runs, raster = cells_of(options, folder)
    files, index = (sorted((folder / name).iterdir()) for name in ("weights", "index"))
    clock = Clock()
    verdicts = judge_tile_weights(
        "RU", files, index, options.dp, "population", RasterValues(raster)
    )
    return {**clock.facts(runs.count), "failed": failed(verdicts)}


def plan_weights(folder: Path) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The weights that plans are made from, batch by batch."""
    for batch in read_batches(
        sorted((folder / "plan_weights").iterdir()), ["tile_id", "weight_fp"]
    ):
        yield batch.column(0).to_numpy(), batch.column(1).to_numpy()


def make_plan_weights(options: argparse.Namespace, folder: Path) -> Facts:
    """Weights of the country that plans are made for, at most --plan-tiles of its tiles."""
    _, runs, raster = cells_of(options, folder)
    some = next(runs.batches(min(runs.count, options.plan_tiles)))
    stream = tile_weights("RU", some, "population", options.dp, RasterValues(raster))
    publish(folder / "plan_weights", "tile_weights", stream)
    merchants, n_sites = pairs_of(options.pairs)
    columns = [
        pa.array(merchants),
        pa.DictionaryArray.from_arrays(np.zeros(merchants.size, np.int32), ["RU"]),
        pa.array(n_sites),
    ]
    schema = TABLES["s3_requirements"].wire
    (folder / "requirements").mkdir()
    with PartitionWriter(folder / "requirements", TABLES["s3_requirements"], {}) as writer:
        writer.write(pa.RecordBatch.from_arrays(columns, schema=schema))
    return {"tiles": some.count}


def pairs_of(pairs: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Merchants in order and their sites: most have 1 to 3, a few have thousands."""
    draw = np.random.default_rng(7)
    merchants = np.unique(draw.integers(0, 2**64, 2 * pairs, dtype=np.uint64))
    n_sites = np.minimum(1 + draw.pareto(0.9, pairs), 20_000).astype(np.int64)
    return np.sort(draw.permutation(merchants)[:pairs]), n_sites


def time_plan(options: argparse.Namespace, folder: Path) -> Facts:
    """S4 with reading of the weights and the parquet writer."""
    merchants, n_sites = pairs_of(options.pairs)
    clock = Clock()
    weights = plan_weights(folder)
    stream = alloc_plan("RU", merchants, n_sites, weights, options.dp)
    publish(folder / "plan", "s4_alloc_plan", stream)
    return {**clock.facts(int(n_sites.sum())), **stream.facts, "max_n": int(n_sites.max())}


def judge_plan(options: argparse.Namespace, folder: Path) -> Facts:
    names = ("plan", "requirements", "plan_weights")
    plan, requirements, weights = (sorted((folder / name).iterdir()) for name in names)
    clock = Clock()
    verdicts = judge_alloc_plan("RU", plan, requirements, weights, options.dp)
    return {**clock.facts(int(pairs_of(options.pairs)[1].sum())), "failed": failed(verdicts)}


def check_plan(options: argparse.Namespace, folder: Path) -> Facts:
    """The largest remainder over all tiles, plainly, for pairs from the smallest to the largest."""
    merchants, n_sites = pairs_of(options.pairs)
    columns = list(plan_weights(folder))
    tiles = np.concatenate([t for t, _ in columns])
    weights = np.concatenate([w for _, w in columns])
    plan = pa.Table.from_batches(read_batches(sorted((folder / "plan").iterdir())))
    merchant, tile, sites = (
        plan.column(name).to_numpy() for name in ("merchant_id", "tile_id", "n_sites_tile")
    )
    by_size = np.argsort(n_sites, kind="stable")
    sampled = by_size[np.linspace(0, by_size.size - 1, CHECKED_PAIRS).astype(int)]
    clock = Clock()
    equal = 0
    for pair in sampled:
        wanted = brute_force(weights, int(n_sites[pair]), 10**options.dp)
        own = merchant == merchants[pair]
        some = np.flatnonzero(wanted)
        equal += int(
            np.array_equal(tiles[some], tile[own]) and np.array_equal(wanted[some], sites[own])
        )
    return {**clock.facts(CHECKED_PAIRS), "equal": equal}


def brute_force(weights: NDArray[np.int64], n: int, scale: int) -> NDArray[np.int64]:
    """The law over every tile, in two's complement words of 2 x 32 bits: no float, no shortcut."""
    high, low = divmod(weights.astype(object) * n, scale) if n * scale >= 2**63 else divmod(
        weights * n, scale
    )  # fmt: skip
    sites, residue = np.asarray(high, np.int64), np.asarray(low, np.int64)
    order = np.argsort(-residue, kind="stable")
    sites[order[: n - int(sites.sum())]] += 1
    return sites


class Clock:
    """Wall and CPU seconds from here on, and the process's peak memory."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def facts(self, items: int) -> Facts:
        wall = time.perf_counter() - self._wall
        return {
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(time.process_time() - self._cpu, 3),
            "items": items,
            "items_per_second": round(items / wall),
            "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }


def failed(verdicts: list[Verdict]) -> list[str]:
    return [f"{v.code}: {v.detail}" for v in verdicts if not v.passed]


def exclusive_lock(step: Callable[..., Facts], *arguments: Any) -> Facts:
    """Run a step in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(step, arguments)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tiles", type=lambda text: int(float(text)), default=45_000_000)
    parser.add_argument("--plan-tiles", type=lambda text: int(float(text)), default=10_000_000)
    parser.add_argument("--pairs", type=int, default=2_000)
    parser.add_argument("--dp", type=int, default=12)
    parser.add_argument("--root", type=Path, help="take the country from this world instead")
    parser.add_argument("--country", default="RU")
    options = parser.parse_args()
    ok = True
    with TemporaryDirectory() as name:
        folder = Path(name)
        if not options.root:
            exclusive_lock(make_raster, folder, options.tiles)
        exclusive_lock(make_index, options, folder)
        for step in (
            time_weights, write_weights, judge_weights, make_plan_weights, time_plan, judge_plan,
            check_plan,
        ):  # fmt: skip
            found = exclusive_lock(step, options, folder)
            ok = (
                ok
                and not found.get("failed")
                and found.get("equal", CHECKED_PAIRS) == CHECKED_PAIRS
            )
            print(json.dumps({"step": step.__name__, **found}), flush=True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
