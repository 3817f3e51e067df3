"""A country's rings as edges from west to east, with the side that the interior is on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RingEdges:
    """Every edge of a polygon's rings, told from its western end (an upright one from any end).

    Attributes:
        west_x, west_y, east_x, east_y: float64, shape (edges,).
        weight: int64, +1 where the interior lies north of the edge, -1 where it lies south, 0
            where the edge is upright.
        ring, part: int64, the ring and the polygon part of each edge.
        hole: bool, by ring.
    """

    west_x: F64
    west_y: F64
    east_x: F64
    east_y: F64
    weight: NDArray[np.int64]
    ring: NDArray[np.int64]
    part: NDArray[np.int64]
    hole: NDArray[np.bool_]


def ring_edges(geometry: shapely.Geometry) -> RingEdges:
    """The edges of a valid Polygon or MultiPolygon."""
    parts = shapely.get_parts(geometry)
    shells = shapely.get_exterior_ring(parts)
    holes, hole_part = shapely.get_rings(parts, return_index=True)
    # get_rings yields a part's shell first; what follows are its holes.
    is_hole = np.concatenate(([False], hole_part[1:] == hole_part[:-1]))
    rings = np.concatenate((shells, holes[is_hole]))
    ring_part = np.concatenate((np.arange(shells.size), hole_part[is_hole]))
    hole = np.arange(rings.size) >= shells.size
    # Walked counter-clockwise, a shell has its inside on the left; a hole, clockwise.
    turned = shapely.is_ccw(rings) == hole
    xy, owner = shapely.get_coordinates(rings, return_index=True)
    inner = owner[1:] == owner[:-1]
    a, b, ring = xy[:-1][inner], xy[1:][inner], owner[1:][inner]
    eastward = a[:, 0] <= b[:, 0]
    weight = np.sign(b[:, 0] - a[:, 0]).astype(np.int64)
    weight[turned[ring]] *= -1
    west, east = np.where(eastward[:, None], a, b), np.where(eastward[:, None], b, a)
    return RingEdges(
        west_x=np.ascontiguousarray(west[:, 0]),
        west_y=np.ascontiguousarray(west[:, 1]),
        east_x=np.ascontiguousarray(east[:, 0]),
        east_y=np.ascontiguousarray(east[:, 1]),
        weight=weight,
        ring=ring.astype(np.int64),
        part=ring_part[ring].astype(np.int64),
        hole=hole,
    )
