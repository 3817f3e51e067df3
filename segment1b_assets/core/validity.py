"""Whether a polygon keeps the OGC rules of validity, also where it has ten thousand holes (§3).

GEOS looks for each hole's place by a walk round the whole shell: minutes for a country of half a
million vertices and ten thousand lakes. A hole is free where its ring is valid, the shell properly
contains it, and it meets no other hole and no other part. A free hole touches nothing, so it
breaks no rule and cuts nothing in two: the geometry is valid if and only if it is valid without
it. Indexed predicates find the free holes. GEOS judges the rest.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
#: Holes times vertices: GEOS' walks for a geometry below this take a fraction of a second.
FEW_STEPS: Final = 50_000_000


def is_valid(geometry: shapely.Geometry) -> bool:
    """The verdict of GEOS on a polygon or multipolygon."""
    return bool(shapely.is_valid(without_free_holes(geometry)[0]))


def valid_parts(parts: Shapes) -> NDArray[np.bool_]:
    """The same for an object array of polygons: bool, shape as given."""
    few = _steps(parts) < FEW_STEPS
    found = np.zeros(len(parts), np.bool_)
    found[few] = shapely.is_valid(parts[few])
    found[~few] = [is_valid(part) for part in parts[~few].tolist()]
    return found


def invalid_reason(geometry: shapely.Geometry) -> str | None:
    """None for a valid polygon or multipolygon; else GEOS' reason, with the place."""
    judged, _ = without_free_holes(geometry)
    return None if shapely.is_valid(judged) else str(shapely.is_valid_reason(judged))


def without_free_holes(
    geometry: shapely.Geometry, *, may_touch_holes: bool = False
) -> tuple[shapely.Geometry, Shapes]:
    """The geometry without its free holes, and those as polygons, an object array.

    A geometry that GEOS judges fast as it is, or that has an invalid ring, keeps all its holes.

    Args:
        may_touch_holes: count holes as free that meet holes only. Where each part is valid by
            itself, a union of the parts leaves those as they are.
    """
    parts: Shapes = shapely.get_parts(geometry)
    none: Shapes = np.array([], dtype=object)
    if _steps(parts).sum() < FEW_STEPS:
        return geometry, none
    rings, part = shapely.get_rings(parts, return_index=True)
    is_shell = np.zeros(len(rings), np.bool_)
    is_shell[np.unique(part, return_index=True)[1]] = True
    solids: Shapes = shapely.polygons(rings)
    if not shapely.is_valid(solids).all():
        return geometry, none  # the predicates need valid rings; GEOS finds this fault at once
    holes, owner = solids[~is_shell], part[~is_shell]
    free = _free(solids[is_shell], holes, owner)
    if not may_touch_holes:
        free[np.concatenate(meeting_pairs(holes))] = False
    rest = _rebuilt(rings[is_shell], rings[~is_shell][~free], owner[~free])
    return rest, holes[free]


def meeting_pairs(solids: Shapes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the pairs of valid polygons that have a point in common, each pair once.

    The larger of two has an index of its edges, so a small one is looked up in it.
    """
    one, other = shapely.STRtree(solids).query(solids)
    one, other = one[one < other], other[one < other]
    size = shapely.get_num_coordinates(solids)
    larger = np.where(size[one] >= size[other], one, other)
    shapely.prepare(solids[np.unique(larger)])
    meet = shapely.intersects(solids[larger], solids[one + other - larger])
    return one[meet], other[meet]


def _steps(parts: Shapes) -> NDArray[np.int64]:
    holes = np.maximum(shapely.get_num_interior_rings(parts), 0).astype(np.int64)
    steps: NDArray[np.int64] = holes * shapely.get_num_coordinates(parts)
    return steps


def _free(shells: Shapes, holes: Shapes, owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which holes lie in the inside of their shell and apart from all others; all as solids."""
    tree = shapely.STRtree(holes)
    free = np.zeros(len(holes), np.bool_)
    shell, hole = tree.query(shells, predicate="contains_properly")
    free[hole[owner[hole] == shell]] = True
    shell, hole = tree.query(shells, predicate="intersects")
    free[hole[owner[hole] != shell]] = False
    return free


def _rebuilt(shells: Shapes, holes: Shapes, owner: NDArray[np.int64]) -> shapely.Geometry:
    solids: Shapes = shapely.polygons(shells)
    bounds = np.searchsorted(owner, np.arange(len(shells) + 1))
    for at in np.flatnonzero(np.diff(bounds)).tolist():
        solids[at] = shapely.polygons(shells[at], holes[bounds[at] : bounds[at + 1]])
    return solids[0] if len(solids) == 1 else shapely.multipolygons(solids)
