"""The plain way of S1, for comparison: a mask a country, numpy, one polars write.

    python -m benchmarks.plain_way --root DIR --countries FR,DE [--out DIR]

``rasterio.features.geometry_mask`` over the country's bounding box, then columns, then two parquet
files. It is not exact where a centroid lies on an edge, and its memory follows the bounding box:
a country that crosses the antimeridian needs the whole width of the raster.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import rasterio
import rasterio.features
import shapely

from segment1b_assets.storage.memory import peak_rss_bytes
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions


def tiles_the_plain_way(inputs: RunInputs, country: str, out: Path) -> int:
    """Write tile_index and tile_bounds of one country; returns the number of tiles."""
    grid = inputs.grid
    shape = shapely.from_wkb(inputs.shapes.wkb[country])
    west, south, east, north = shape.bounds
    top = max(0, int((north - grid.f) / grid.e))
    bottom = min(grid.nrows, int((south - grid.f) / grid.e) + 1)
    left = max(0, int((west - grid.c) / grid.a))
    right = min(grid.ncols, int((east - grid.c) / grid.a) + 1)
    if bottom <= top or right <= left:
        return 0
    affine = rasterio.Affine(grid.a, 0, grid.c + left * grid.a, 0, grid.e, grid.f + top * grid.e)
    inside = rasterio.features.geometry_mask(
        [shape], (bottom - top, right - left), affine, invert=True
    )
    row, col = np.nonzero(inside)
    row, col = row + top, col + left
    lon, lat = grid.c + (col + 0.5) * grid.a, grid.f + (row + 0.5) * grid.e
    tile = (row * grid.ncols + col).astype(np.uint64)
    area = np.cos(np.radians(lat)) * (np.radians(grid.a) * 6371007.2) ** 2
    pl.DataFrame(
        {
            "country_iso": pl.Series([country] * len(tile), dtype=pl.Categorical)
            if len(tile) == 0
            else pl.repeat(country, len(tile), eager=True).cast(pl.Categorical),
            "tile_id": tile,
            "raster_row": row.astype(np.uint64),
            "raster_col": col.astype(np.uint64),
            "centroid_lon": lon,
            "centroid_lat": lat,
            "pixel_area_m2": area,
            "inclusion_rule": pl.repeat("center", len(tile), eager=True),
        }
    ).write_parquet(out / f"{country}-index.parquet")
    pl.DataFrame(
        {
            "country_iso": pl.repeat(country, len(tile), eager=True).cast(pl.Categorical),
            "tile_id": tile,
            "min_lat_deg": grid.f + (row + 1) * grid.e,
            "max_lat_deg": grid.f + row * grid.e,
            "min_lon_deg": grid.c + col * grid.a,
            "max_lon_deg": grid.c + (col + 1) * grid.a,
            "centroid_lat_deg": lat,
            "centroid_lon_deg": lon,
        }
    ).write_parquet(out / f"{country}-bounds.parquet")
    return len(tile)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--countries", required=True)
    given = parser.parse_args()
    inputs = RunInputs(RunOptions(given.root))
    inputs.preload("grid", "shapes")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        tiles = sum(
            tiles_the_plain_way(inputs, c, Path(folder)) for c in given.countries.split(",")
        )
        seconds = time.perf_counter() - began
    print(json.dumps({"tiles": tiles, "seconds": seconds, "peak_rss_bytes": peak_rss_bytes()}))


if __name__ == "__main__":
    main()
