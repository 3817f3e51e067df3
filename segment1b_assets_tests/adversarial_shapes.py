"""Hypothesis strategies: small grids, and polygons that lie on their lines on purpose."""

from __future__ import annotations

import math

import numpy as np
import shapely
from hypothesis import strategies as st

from segment1b_assets.core.grid import Grid


@st.composite
def grids(draw: st.DrawFn, longitudes: tuple[float, ...] = (-180.0, -4.0, 0.1, 176.0)) -> Grid:
    """Up to 9 x 9 cells, some in steps that binary64 cannot hold, some across ±180.

    Some have column centres exactly at ±180, where a longitude has two names.
    """
    a = draw(st.sampled_from([1.0, 0.5, 0.1, 1 / 3, 1 / 120]))
    e = -draw(st.sampled_from([1.0, 0.5, 0.1, 1 / 3, 1 / 120]))
    c = draw(st.sampled_from(longitudes)) + draw(st.sampled_from([0.0, -a, -a / 2, -5 * a]))
    f = draw(st.sampled_from([3.0, 0.3, 90.0, -80.0]))
    return Grid(a, c, e, f, draw(st.integers(1, 9)), draw(st.integers(1, 9)))


@st.composite
def coordinates(draw: st.DrawFn, lines: np.ndarray, step: float) -> float:
    """A value on one of the lines, a neighbour of one in binary64, or anywhere between."""
    value = float(draw(st.sampled_from(list(lines))))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return math.nextafter(value, math.inf)
    if kind == 1:
        return math.nextafter(value, -math.inf)
    if kind <= 3:
        return value + step * draw(st.floats(-1, 1))
    return value


@st.composite
def polygons(draw: st.DrawFn, grid: Grid, turn: float = 0.0) -> shapely.Geometry:
    """A valid Polygon or MultiPolygon near the grid, with holes, touching parts and slivers.

    Made by set operations on triangles, boxes and stars whose corners lie on the grid's lines;
    `turn` moves the whole by a turn.
    """
    step_x, step_y = grid.a, -grid.e
    beside = grid.lon_edges[[0, -1]] + [-2 * step_x, 2 * step_x]
    xs = np.concatenate((grid.lon_edges, grid.centroid_lon, beside))
    ys = np.concatenate((grid.lat_edges, grid.centroid_lat))
    xs = np.clip(xs + turn, -1080.0, 1080.0)
    ys = np.clip(ys, -90.0, 90.0)

    def corner() -> tuple[float, float]:
        x = draw(coordinates(xs, step_x))
        y = draw(coordinates(ys, step_y))
        return (min(max(x, -1080.0), 1080.0), min(max(y, -90.0), 90.0))

    def simple() -> shapely.Geometry:
        if draw(st.booleans()):
            (x1, y1), (x2, y2) = corner(), corner()
            return shapely.box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        return shapely.Polygon([corner() for _ in range(draw(st.integers(3, 7)))])

    shape: shapely.Geometry = shapely.Polygon()
    for _ in range(draw(st.integers(1, 4))):
        other = simple()
        if other.is_empty or not other.is_valid:
            other = shapely.make_valid(other)
        operation = draw(
            st.sampled_from([shapely.union, shapely.difference, shapely.symmetric_difference])
        )
        try:
            shape = only_areas(other if shape.is_empty else operation(shape, other))
        except shapely.errors.GEOSException:
            continue  # GEOS gives up on some near-coincident lines; the shape so far will do.
    return shape


def only_areas(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a geometry as one MultiPolygon; lines and points are dropped."""
    held = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and not p.is_empty]
    held += [
        q
        for p in shapely.get_parts(shape)
        if p.geom_type in ("MultiPolygon", "GeometryCollection")
        for q in shapely.get_parts(p)
        if q.geom_type == "Polygon" and not q.is_empty
    ]
    return held[0] if len(held) == 1 else shapely.MultiPolygon(held)


def usable(shape: shapely.Geometry) -> bool:
    """Whether the shape is one that the contract accepts."""
    return not shape.is_empty and bool(shapely.is_valid(shape)) and shape.area > 0
