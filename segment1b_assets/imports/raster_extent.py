"""Where a foreign raster lies on the globe, and so which grid it is brought to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.imports.raster_source import RasterSource
from segment1b_assets.imports.target_grid import (
    METRES_A_DEGREE,
    TargetGrid,
    common_grid,
    grid_by_degree,
    inside,
    usual_cells_per_degree,
)
from segment1b_assets.storage.raster_header import MAX_SIDE

Bounds = tuple[float, float, float, float]
Floats = NDArray[np.float64]
#: Points of a side of the lattice that an extent is taken from.
_LATTICE = 129


def degrees_of(source: RasterSource) -> Callable[[Floats, Floats], tuple[Any, Any]]:
    """From the source's x, y to longitude and latitude on WGS84, infinite off the map."""
    import pyproj

    crs = pyproj.CRS.from_wkt(source.dataset.crs.to_wkt()).to_2d()
    target = pyproj.CRS.from_user_input("OGC:CRS84")
    if crs.equals(target, ignore_axis_order=True):
        return lambda x, y: (x, y)
    mover = pyproj.Transformer.from_crs(crs, target, always_xy=True)

    def move(x: Floats, y: Floats) -> tuple[Any, Any]:
        return mover.transform(x, y)

    return move


def cell_degrees(source: RasterSource) -> tuple[float, float]:
    """About how many degrees of latitude a cell's width and height are."""
    affine, crs = source.dataset.transform, source.dataset.crs
    wide, high = float(np.hypot(affine.a, affine.d)), float(np.hypot(affine.b, affine.e))
    if crs.is_geographic:
        return wide, high
    unit = float(crs.linear_units_factor[1]) / METRES_A_DEGREE
    return wide * unit, high * unit


def choose_grid(
    sources: Sequence[RasterSource], cells_per_degree: int | None, bounds: Bounds | None
) -> tuple[TargetGrid, bool]:
    """The result's grid, and whether every source's cells are cells of it.

    Raises:
        Segment1BError: E002_RASTER_MISMATCH where the sources lie off the globe or the result
            would have too many rows or columns.
    """
    grids = [source.grid for source in sources if source.grid is not None]
    grid = common_grid(grids) if len(grids) == len(sources) else None
    if grid is not None and cells_per_degree is not None:
        wanted = grid_by_degree(_bounds_of(grid), cells_per_degree)
        fits = common_grid([wanted, grid])
        grid = wanted if fits == wanted else None
    kept = grid is not None
    if grid is None:
        number = cells_per_degree
        if number is None:
            finest = min(min(cell_degrees(source)) for source in sources)
            number = usual_cells_per_degree(finest * METRES_A_DEGREE)
        extents = [_extent(source) for source in sources]
        grid = grid_by_degree(
            (
                min(e[0] for e in extents), min(e[1] for e in extents),
                max(e[2] for e in extents), max(e[3] for e in extents),
            ),
            number,
        )  # fmt: skip
    if bounds is not None:
        grid = inside(grid, bounds)
    if max(grid.nrows, grid.ncols) > MAX_SIDE:
        raise Segment1BError(
            "E002_RASTER_MISMATCH", f"the result would have more than {MAX_SIDE} rows or columns",
            value=(grid.nrows, grid.ncols),
            next_step="ask for larger cells with --cells-per-degree, or for fewer --countries",
        )  # fmt: skip
    return grid, kept


def _bounds_of(grid: TargetGrid) -> Bounds:
    return (
        grid.west, grid.north - grid.nrows * grid.size_y,
        grid.west + grid.ncols * grid.size_x, grid.north,
    )  # fmt: skip


def _extent(source: RasterSource) -> Bounds:
    """Bounds in degrees, a lattice step too wide rather than too narrow."""
    if source.grid is not None:
        return _bounds_of(source.grid)
    height, width = source.dataset.shape
    col, row = np.meshgrid(np.linspace(0, width, _LATTICE), np.linspace(0, height, _LATTICE))
    x, y = source.dataset.transform @ (col.ravel(), row.ravel())
    lon, lat = degrees_of(source)(x, y)
    lon, lat = np.reshape(lon, col.shape), np.reshape(lat, col.shape)
    on = np.isfinite(lon) & np.isfinite(lat)
    if not on.any():
        raise Segment1BError(
            "E002_RASTER_MISMATCH", "no cell of it lies on the globe", file=source.path,
            value=source.dataset.crs.to_string(),
        )  # fmt: skip
    lon, lat = np.where(on, lon, np.nan), np.where(on, lat, np.nan)
    steps = [np.abs(np.diff(lat, axis=axis)) for axis in (0, 1)]
    margin_lat = max(float(s[np.isfinite(s)].max(initial=0.0)) for s in steps)
    turns = [np.abs(np.diff(lon, axis=axis)) for axis in (0, 1)]
    # A step of more than half a turn is the antimeridian.
    margin_lon = max(float(t[np.isfinite(t) & (t < 180)].max(initial=0.0)) for t in turns)
    crosses = any(bool((t[np.isfinite(t)] >= 180).any()) for t in turns)
    west, east = float(lon[on].min()) - margin_lon, float(lon[on].max()) + margin_lon
    if crosses or west < -180 or east > 180:
        west, east = (-180.0, 180.0) if crosses or east - west >= 360 else (west, east)
    south = max(float(lat[on].min()) - margin_lat, -90.0)
    return max(west, -180.0), south, min(east, 180.0), min(float(lat[on].max()) + margin_lat, 90.0)
