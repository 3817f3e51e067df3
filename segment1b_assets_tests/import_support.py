"""Foreign files for the tests of `segment1b import`, and its command line in this process."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from affine import Affine
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from segment1b_assets.cli import group

#: A GeoPackage with faults: (code, name, geometry as WKT).
FAULTY = [
    # A bow tie: two triangles of half a square degree each.
    ("LU", "Luxembourg", "POLYGON ((5 49, 6 50, 6 49, 5 50, 5 49))"),
    # Its longitudes jump from 179 to -179.
    ("FJ", "Fiji", "POLYGON ((179 -17, -179 -17, -179 -16, 179 -16, 179 -17))"),
    # Two rows of one country that share an edge.
    ("BEL", "Belgium", "POLYGON ((3 50, 4 50, 4 51, 3 51, 3 50))"),
    ("be", "Belgium", "POLYGON ((4 50, 5 50, 5 51, 4 51, 4 50))"),
    # Heights.
    ("NA", "Namibia", "POLYGON Z ((15 -20 7, 16 -20 7, 16 -19 7, 15 -19 7, 15 -20 7))"),
    # A spike out to 30 degrees east, and a line beside the polygon.
    ("056", "Digits", "POLYGON ((50 0, 51 0, 51 1, 50 1, 50 0))"),
    ("LV", "Latvia", "POLYGON ((21 56, 24 56, 24 57, 30 57, 24 57, 24 58, 21 58, 21 56))"),
    # Round the south pole without touching it, not cut.
    ("AQ", "Antarctica", "POLYGON ((-180 -80, -90 -80, 0 -80, 90 -80, 180 -80, -180 -80))"),
    ("XKX", "Kosovo", "POLYGON ((20.5 42, 21.5 42, 21.5 43, 20.5 43, 20.5 42))"),
    ("-99", "Nobody", "POLYGON ((30 0, 31 0, 31 1, 30 1, 30 0))"),
]  # fmt: skip


def write_vector(
    path: Path,
    rows: list[tuple[str, str, str]],
    *,
    code: str = "ISO_A2_EH",
    crs: str | None = "EPSG:4326",
    driver: str = "GPKG",
    layer: str | None = None,
    append: bool = False,
) -> Path:
    """A vector file with a column of codes and one of names."""
    shapes = [shapely.from_wkt(text) for _, _, text in rows]
    wkb = np.array([shapely.to_wkb(shape, output_dimension=3) for shape in shapes], dtype=object)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="'crs' was not provided")
        pyogrio.raw.write(
            str(path),
            geometry=wkb,
            field_data=[np.array([row[i] for row in rows], dtype=object) for i in (0, 1)],
            fields=[code, "NAME"],
            geometry_type="Unknown",
            crs=crs,
            driver=driver,
            layer=layer,
            append=append,
        )
    return path


def segment1b(*words: object, status: int = 0) -> Result:
    """Run the command line; an error of ours is the result's exception."""
    # Another test, or the machine, may have said how wide a terminal is.
    result = CliRunner(env={"COLUMNS": ""}).invoke(group, [str(word) for word in words])
    if status == 0 and result.exception is not None:
        raise result.exception
    assert result.exit_code == status, result.output
    return result


def write_raster(
    path: Path,
    pixels: NDArray[Any],
    affine: Affine,
    *,
    crs: str | None = "EPSG:4326",
    nodata: float | None = None,
    scale: float = 1.0,
    offset: float = 0.0,
) -> Path:
    """A GeoTIFF of one band."""
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype=pixels.dtype, crs=crs, nodata=nodata,
        transform=affine, height=pixels.shape[0], width=pixels.shape[1],
    ) as raster:  # fmt: skip
        raster.write(pixels, 1)
        raster.scales, raster.offsets = (scale,), (offset,)
    return path
