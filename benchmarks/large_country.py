"""S2 and its judge over one country of a synthetic raster, each in a process of its own.

    python -m benchmarks.large_country --tiles 100e6 --folder DIR [--without-store]

The raster is that of ``benchmarks.allocation`` (float32, 512 x 512 blocks, deflate) and the country
a box of whole rows. DIR keeps raster and tile_index for the next run. Prints a JSON object a step:
wall and CPU seconds, tiles a second, peak MiB. ``--without-store`` gives S2 nowhere to keep masses:
it then reads the raster in every pass.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.allocation import (
    Clock,
    cells_of,
    exclusive_lock,
    failed,
    make_index,
    make_raster,
    publish,
)
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.storage.memory import keep_freed_memory
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.validation.judges.s2_tile_weights import judge_tile_weights


def make_weights(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """S2 with the parquet writer."""
    _, runs, path = cells_of(options, folder)
    keep_freed_memory()
    clock, raster = Clock(), RasterValues(path)
    store: dict[str, Any] = {}
    if not options.without_store:
        from segment1b_assets.storage.data_root import DataRoot
        from segment1b_assets.storage.mass_spill import SpilledMasses

        store = {"store": SpilledMasses(DataRoot(folder), raster.dtype)}
    stream = tile_weights("RU", runs, "population", options.dp, raster, **store)
    files = publish(folder / "weights", "tile_weights", stream)
    spilled = store["store"].bytes_on_disk if store else 0
    return {
        **clock.facts(runs.count),
        "raster_read_ratio": raster.bytes_read / raster.bytes_uncompressed,
        "spilled_mib": spilled >> 20,
        "weights_mib": sum(f.stat().st_size for f in files) >> 20,
    }


def judge_weights(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The judge of what was made."""
    _, runs, raster = cells_of(options, folder)
    files, index = (sorted((folder / name).iterdir()) for name in ("weights", "index"))
    keep_freed_memory()
    clock = Clock()
    verdicts = judge_tile_weights(
        "RU", files, index, options.dp, "population", RasterValues(raster)
    )
    return {**clock.facts(runs.count), "failed": failed(verdicts)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tiles", type=lambda text: int(float(text)), default=100_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--dp", type=int, default=12)
    parser.add_argument("--without-store", action="store_true")
    options = parser.parse_args()
    options.root = None
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "population.tif").exists():
        exclusive_lock(make_raster, folder, options.tiles)
        exclusive_lock(make_index, options, folder)
    shutil.rmtree(folder / "weights", ignore_errors=True)
    broken = []
    for step in (make_weights, judge_weights):
        found = exclusive_lock(step, options, folder)
        broken += found.get("failed", [])
        print(json.dumps({"step": step.__name__, **found}), flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
