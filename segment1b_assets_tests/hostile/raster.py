"""The population raster, spoiled."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

from segment1b_assets_tests.hostile import files
from segment1b_assets_tests.hostile.cases import EVERYBODY, Case, Oddity
from segment1b_assets_tests.hostile.laboratory import BAD, Lab

Spoil = Callable[[Lab], object]


def damaged(damage: Callable[[Path], object]) -> Spoil:
    return lambda lab: damage(lab.raster)


def rewritten(values: Callable[[Any], Any] = lambda v: v, bands: int = 1, **profile: Any) -> Spoil:
    """Write the raster again with other values and another profile; None drops an entry."""

    def spoil(lab: Lab) -> None:
        with rasterio.open(lab.raster) as source:
            pixels, old = source.read(1), dict(source.profile)
        made = values(pixels)
        old.update(height=made.shape[0], width=made.shape[1], count=bands, **profile)
        kept = {k: v for k, v in old.items() if v is not None}
        lab.raster.unlink()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            sink = rasterio.open(lab.raster, "w", **kept)
        with sink:
            for band in range(1, bands + 1):
                sink.write(made.astype(kept["dtype"]), band)

    return spoil


def turned(change: Callable[[Affine], Affine]) -> Spoil:
    def spoil(lab: Lab) -> None:
        with rasterio.open(lab.raster) as source:
            affine = source.transform
        rewritten(transform=change(affine))(lab)

    return spoil


def huge(rows: int, cols: int, tiled: bool = True, **more: Any) -> Spoil:
    """A raster of a few kilobytes that claims that many pixels: its blocks are not there."""

    def spoil(lab: Lab) -> None:
        lab.raster.unlink()
        layout: dict[str, Any] = {"tiled": True, "blockxsize": 4096, "blockysize": 4096}
        if not tiled:
            layout = {"tiled": False, "blockysize": rows}
        grid = lab.world.grid
        with rasterio.open(
            lab.raster,
            "w",
            driver="GTiff",
            height=rows,
            width=cols,
            count=1,
            dtype="float32",
            crs="EPSG:4326",
            compress="deflate",
            sparse_ok=True,
            bigtiff="YES",
            transform=Affine(
                grid.a * grid.ncols / cols, 0, grid.c, 0, grid.e * grid.nrows / rows, grid.f
            ),
            **{**layout, **more},
        ):
            pass

    return spoil


def a_cell_of_the_bad_country(lab: Lab) -> tuple[int, int]:
    """Row and column of one cell that only the bad country owns."""
    from segment1b_assets_tests.hostile.laboratory import GOOD

    inputs = lab.open()
    mine = _cells(inputs, BAD)
    for other in GOOD:
        mine -= _cells(inputs, other)
    row, col = divmod(min(mine), inputs.grid.ncols)
    return int(row), int(col)


def _cells(inputs: Any, country: str) -> set[int]:
    runs = inputs.eligibility(country).runs
    pairs = zip(runs.starts.tolist(), runs.stops.tolist(), strict=True)
    return {tile for start, stop in pairs for tile in range(start, stop)}


def one_value(value: float) -> Spoil:
    def spoil(lab: Lab) -> None:
        row, col = a_cell_of_the_bad_country(lab)

        def put(pixels: Any) -> Any:
            pixels[row, col] = value
            return pixels

        rewritten(put)(lab)

    return spoil


def vrt(lab: Lab) -> None:
    """A virtual raster that leads out of the data root."""
    with rasterio.open(lab.raster) as source:
        width, height = source.width, source.height
        geo = ", ".join(repr(v) for v in source.transform.to_gdal())
    lab.raster.write_text(
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>EPSG:4326</SRS>'
        f"<GeoTransform>{geo}</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        "<SourceFilename>/etc/hostname</SourceFilename><SourceBand>1</SourceBand>"
        "</SimpleSource></VRTRasterBand></VRTDataset>",
        "utf-8",
    )


def body_overwritten(lab: Lab) -> None:
    """A compressed raster whose header is whole and whose pixels are rubbish."""
    rewritten(compress="deflate", tiled=True, blockxsize=16, blockysize=16)(lab)
    with rasterio.open(lab.raster) as source:
        start = int(source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    raw = bytearray(lab.raster.read_bytes())
    raw[start : start + 40] = b"\xaa" * 40
    lab.raster.write_bytes(bytes(raw))


def body_cut(lab: Lab) -> None:
    """The header is whole, the last blocks are gone."""
    noise = np.random.default_rng(7)
    rewritten(
        lambda v: noise.random(v.shape) * 1000,
        compress="deflate",
        dtype="float32",
        tiled=None,
        blockxsize=None,
        blockysize=1,
    )(lab)
    raw = lab.raster.read_bytes()
    lab.raster.write_bytes(raw[: len(raw) - len(raw) // 3])


def with_sidecar(lab: Lab) -> None:
    """GDAL would take another nodata value and another place from files beside the raster."""
    lab.raster.with_name("population.tif.aux.xml").write_text(
        "<PAMDataset><GeoTransform>0, 1, 0, 0, 0, -1</GeoTransform>"
        '<PAMRasterBand band="1"><NoDataValue>1</NoDataValue></PAMRasterBand></PAMDataset>',
        "utf-8",
    )
    lab.raster.with_name("population.tfw").write_text("1\n0\n0\n-1\n0\n0\n", "utf-8")


def _s1(name: str, spoil: Spoil, code: str, *says: str) -> Case:
    return Case(f"raster: {name}", spoil, ("S1",), code, EVERYBODY, says=("population.tif", *says))


def _s2(name: str, spoil: Spoil, code: str, *says: str, country: str = BAD) -> Case:
    return Case(
        f"raster: {name}", spoil, ("S1", "S2"), code, country, says=("population.tif", *says)
    )


_E002, _E007, _E105 = "E002_RASTER_MISMATCH", "E007_CRS_MISMATCH", "E105_NORMALIZATION"

CASES = [
    _s1("missing", damaged(files.missing), "E_INPUT_MISSING"),
    *(
        _s1(what, damaged(how), _E002)
        for what, how in files.UNREADABLE.items()
        if what not in ("cut in half", "last byte gone")
    ),
    _s1("header cut off", damaged(lambda p: p.write_bytes(p.read_bytes()[:60])), _E002),
    _s1("eight bytes", damaged(lambda p: p.write_bytes(b"II*\0\x08\0\0\0")), _E002),
    _s1(
        "directory that leads to itself",
        damaged(lambda p: p.write_bytes(b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0")),
        _E002,
    ),
    _s1("rotated", turned(lambda a: a @ Affine.rotation(10)), _E002, "rotated"),
    _s1("sheared", turned(lambda a: a @ Affine.shear(5)), _E002, "rotated"),
    _s1("south-up", turned(lambda a: Affine(a.a, 0, a.c, 0, -a.e, a.f - 10)), _E002, "north-up"),
    _s1("mirrored", turned(lambda a: Affine(-a.a, 0, a.c, 0, a.e, a.f)), _E002, "north-up"),
    _s1("two bands", rewritten(bands=2), _E002, "one band", "2"),
    _s1("no CRS", rewritten(crs=None), _E007, "none"),
    _s1("EPSG:3857", rewritten(crs="EPSG:3857"), _E007, "3857"),
    _s1("NAD83", rewritten(crs="EPSG:4269"), _E007, "4269"),
    _s1("complex numbers", rewritten(dtype="complex64", nodata=None), _E002, "complex64"),
    _s1("no place", rewritten(transform=None), _E002),
    _s1("NaN in the affine", turned(lambda a: Affine(a.a, 0, math.nan, 0, a.e, a.f)), _E002),
    _s1("infinite affine", turned(lambda a: Affine(a.a, 0, math.inf, 0, a.e, a.f)), _E002),
    _s1("beyond the pole", turned(lambda a: Affine(a.a, 0, a.c, 0, a.e, 200.0)), _E002, "latitude"),
    _s1("cells of 1e300 degrees", turned(lambda a: Affine(1e300, 0, a.c, 0, a.e, a.f)), _E002),
    _s1(
        "cells that binary64 cannot tell apart",
        turned(lambda a: Affine(1e-14, 0, 100.0, 0, a.e, a.f)),
        _E002,
        "too small",
    ),
    _s1("a virtual raster", vrt, _E002),
    _s1(
        "two thousand million columns",
        huge(16, 2_000_000_000, blockysize=16, blockxsize=16384 * 1024),
        _E002,
    ),
    _s1(
        "a thousand million rows", huge(1_000_000_000, 16, tiled=False, blockysize=1_000_000), _E002
    ),
    _s1(
        "one block of 1.6 thousand million bytes", huge(20_000, 20_000, tiled=False), _E002, "block"
    ),
    _s2("negative population", one_value(-7.0), _E105, "-7.0", "row", "column"),
    _s2("infinite population", one_value(math.inf), _E105, "inf"),
    _s2("minus infinity", one_value(-math.inf), _E105, "inf"),
    _s2("the smallest negative number", one_value(-1e-45), _E105),
    _s2("rubbish in the body", body_overwritten, _E002, "decoded", country=EVERYBODY),
]

ODDITIES = [
    Oddity("raster: NaN population", one_value(math.nan), ("S1", "S2"), same=False),
    Oddity("raster: minus zero", one_value(-0.0), ("S1", "S2"), same=False),
    Oddity("raster: files beside it that GDAL would read", with_sidecar, ("S1", "S2")),
    Oddity("raster: float64", rewritten(dtype="float64"), ("S1", "S2")),
    Oddity(
        "raster: one strip", rewritten(tiled=None, blockxsize=None, blockysize=12), ("S1", "S2")
    ),
    Oddity(
        "raster: sparse, sixteen million pixels that are not there",
        huge(4000, 4000),
        ("S1", "S2"),
        same=False,
    ),
]
