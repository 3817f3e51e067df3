"""Rings across the antimeridian are cut there, and rings round a pole are closed at it (§3).

A ring whose longitudes jump from 180 to -180 looks like one round the whole Earth. Followed vertex
by vertex, each step taken the shorter way, it lies in one piece: back at its start it has turned by
0 degrees, or by 360 where it goes round a pole. That piece is then cut at 180, 540, … and each part
is moved back between -180 and 180.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.core.polygon import MAX_ABS_LAT, MAX_EDGE_LON

_HALF, _TURN = 180.0, 360.0
#: Degrees: a vertex so near to the antimeridian lies on it. A ten-thousandth of a millimetre.
_ON_IT = 1e-12


@dataclass(frozen=True)
class CutPart:
    """What became of one polygon.

    Attributes:
        geometry: polygon or multipolygon between -180 and 180; empty where nothing is left.
        closed_at_pole: whether a ring of it went round a pole without touching it.
    """

    geometry: shapely.Geometry
    closed_at_pole: bool


def needs_cut(parts: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which polygons reach past ±180 or have an edge of more than 180 degrees, poles' apart.

    Args:
        parts: object array of polygons in degrees, shape (n,).

    Returns:
        bool, shape (n,).
    """
    needed = np.zeros(len(parts), np.bool_)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    if not len(xy):
        return needed
    needed[part[ring[np.abs(xy[:, 0]) > _HALF]]] = True
    polar = (np.abs(xy[1:, 1]) == MAX_ABS_LAT) & (xy[1:, 1] == xy[:-1, 1])
    long = (np.abs(np.diff(xy[:, 0])) > MAX_EDGE_LON) & (ring[1:] == ring[:-1]) & ~polar
    needed[part[ring[1:][long]]] = True
    return needed


def cut_part(part: shapely.Geometry) -> CutPart:
    """Cut one polygon, which may be invalid; its holes are cut by themselves and taken away."""
    shell, *holes = shapely.get_rings(part)
    solid, closed = _cut_ring(shapely.get_coordinates(shell))
    for hole in holes:
        hollow, hole_closed = _cut_ring(shapely.get_coordinates(hole))
        solid, closed = shapely.difference(solid, hollow), closed or hole_closed
    return CutPart(solid, closed)


def _cut_ring(xy: NDArray[np.float64]) -> tuple[shapely.Geometry, bool]:
    x, y = xy[:, 0].copy(), xy[:, 1]
    near = np.abs(np.abs(x) - _HALF) <= _ON_IT
    x[near] = np.copysign(_HALF, x[near])
    step = np.diff(x)
    polar = (np.abs(y[1:]) == MAX_ABS_LAT) & (y[1:] == y[:-1])
    # A step of exactly half a turn rounds to no turn: nobody knows which way it goes.
    turns = np.where(polar, 0.0, -np.rint(step / _TURN))
    x[1:] += _TURN * np.cumsum(turns)
    closed = bool(x[-1] != x[0])
    if closed:
        pole = np.copysign(MAX_ABS_LAT, y.mean())
        x = np.concatenate([x, [x[-1], x[0], x[0]]])
        y = np.concatenate([y, [pole, pole, y[0]]])
    whole = shapely.make_valid(
        shapely.polygons(np.column_stack([x, y])), method="structure", keep_collapsed=False
    )
    west, _, east, _ = shapely.bounds(whole)
    if not np.isfinite(west):
        return shapely.MultiPolygon(), closed
    first, last = np.floor((west + _HALF) / _TURN), np.ceil((east + _HALF) / _TURN)
    pieces = []
    for turn in np.arange(first, max(last, first + 1)):
        shift = _TURN * turn
        strip = shapely.box(shift - _HALF, -MAX_ABS_LAT, shift + _HALF, MAX_ABS_LAT)
        piece = shapely.intersection(whole, strip)
        if shift:
            piece = shapely.transform(piece, lambda p, by=shift: p - (by, 0.0))
        pieces.append(piece)
    return shapely.union_all(pieces) if len(pieces) > 1 else pieces[0], closed
