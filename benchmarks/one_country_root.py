"""A root whose raster covers one box at 3 arc-seconds, for runs over one large country.

    python -m benchmarks.one_country_root --root DIR --country BR
        --box -74.04,5.32 --size 48000x47280 [--cells-per-degree 1200] [--dense]

Polygons, policies and the 1A catalogue are those of the embedded world. The raster is synthetic:
float32, 512 x 512 blocks, deflate, half of the masses noise, 40 % constant, a tenth zero. Blocks
that do not touch the country's polygon are left out of the file and read as nodata, as WorldPop's
files have it. One row of blocks is drawn and shifted for every other row: drawing two thousand
million numbers would take longer than compressing them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.windows import Window

from segment1b_assets.storage.run_inputs import RunInputs, RunOptions

BLOCK = 512
NODATA = -9999.0
EMBEDDED = Path(__file__).resolve().parents[1] / "data"
INPUTS = ("reference", "config", "layer1/1A")
COMPRESSION = ("compress", "zlevel", "predictor", "sparse_ok", "num_threads")


def make_masses(path: Path, country: shapely.Geometry, options: argparse.Namespace) -> int:
    """Write the raster; returns the number of blocks with masses."""
    step, (west, north) = 1 / options.cells_per_degree, options.box
    cols, rows = options.size
    draw = np.random.default_rng(20251123)
    band = np.exp(draw.normal(4, 2, (BLOCK, cols)).astype(np.float32))
    kind = draw.random((BLOCK, cols), dtype=np.float32)
    band[kind < 0.4] = 0.25
    band[kind > 0.9] = 0
    shapely.prepare(country)
    profile = {
        "driver": "GTiff", "height": rows, "width": cols, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "transform": rasterio.Affine(step, 0, west, 0, -step, north),
        "nodata": NODATA, "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
        "compress": "deflate", "zlevel": 1, "predictor": 3, "sparse_ok": True,
        "num_threads": 2, "bigtiff": "yes",
    }  # fmt: skip
    if options.dense:
        profile = {name: profile[name] for name in profile if name not in COMPRESSION}
    written = 0
    with rasterio.Env(GDAL_CACHEMAX=256), rasterio.open(path, "w", **profile) as raster:
        lefts = np.arange(0, cols, BLOCK)
        for top in range(0, rows, BLOCK):
            height = min(BLOCK, rows - top)
            y = north - top * step
            blocks = shapely.box(
                west + lefts * step, y - BLOCK * step, west + (lefts + BLOCK) * step, y
            )
            touching = options.dense | shapely.intersects(country, blocks)
            shifted = np.roll(band, int(draw.integers(cols)), axis=1)
            for left in lefts[touching]:
                width = min(BLOCK, cols - int(left))
                window = Window(int(left), top, width, height)
                raster.write(shifted[:height, left : left + width], 1, window=window)
                written += 1
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--country", required=True)
    parser.add_argument(
        "--box",
        type=lambda text: tuple(float(part) for part in text.split(",")),
        required=True,
        help="longitude,latitude of the north-west corner",
    )
    parser.add_argument(
        "--size",
        type=lambda text: tuple(int(part) for part in text.split("x")),
        required=True,
        help="COLSxROWS",
    )
    parser.add_argument("--cells-per-degree", type=int, default=1200)
    parser.add_argument("--dense", action="store_true")
    options = parser.parse_args()
    began = time.perf_counter()
    for part in INPUTS:
        shutil.copytree(EMBEDDED / part, options.root / part)
    inputs = RunInputs(RunOptions(options.root))
    inputs.preload("shapes")
    country = shapely.from_wkb(inputs.shapes.wkb[options.country])
    raster = inputs.root.path_for("population_raster_2025")
    raster.unlink()
    blocks = make_masses(raster, country, options)
    print(
        json.dumps(
            {
                "blocks": blocks,
                "raster_mb": raster.stat().st_size / 1e6,
                "seconds": time.perf_counter() - began,
            }
        )
    )


if __name__ == "__main__":
    main()
