"""An invalid polygon is mended ring by ring, and as a whole only where that does not do.

GEOS' make_valid takes minutes for a polygon of some hundred thousand vertices and ten thousand
holes: its overlay looks for the shell of each hole by a walk round the shell. Here an overlay
sees only the rings that meet others. The many that meet none are put back as they are.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from segment1b_assets.core.validity import is_valid, meeting_pairs, without_free_holes

Shapes = NDArray[np.object_]
_POLYGON = 3


def mend_polygon(polygon: shapely.Geometry) -> shapely.Geometry:
    """A valid polygon or multipolygon of the same ground, perhaps empty; lines and spikes go.

    The ground is that of ``make_valid(method="structure", keep_collapsed=False)``: what the shell
    encloses less what the holes enclose; a hole outside of the shell is ground of its own.
    """
    whole = _from_mended_rings(polygon)
    if is_valid(whole):
        return whole
    rest, free = without_free_holes(whole)
    if free.size:  # GEOS repairs what is left; the holes that touch nothing are put back
        pieces = _with_holes(_polygons(np.array([make_valid(rest)], dtype=object)), free)
        whole = pieces[0] if pieces.size == 1 else shapely.multipolygons(pieces)
        if is_valid(whole):
            return whole
    return make_valid(polygon)


def make_valid(geometry: shapely.Geometry) -> shapely.Geometry:
    """GEOS' own repair, by the structure of rings and without what has no area."""
    with np.errstate(all="ignore"):  # GEOS overflows where edges cross far out
        return shapely.make_valid(geometry, method="structure", keep_collapsed=False)


def _from_mended_rings(polygon: shapely.Geometry) -> shapely.Geometry:
    solids: Shapes = shapely.polygons(shapely.get_rings(polygon))
    broken = np.flatnonzero(~shapely.is_valid(solids))
    solids[broken] = [make_valid(solid) for solid in solids[broken].tolist()]
    ground, holes = solids[0], solids[1:]
    shapely.prepare(ground)
    outside = shapely.disjoint(ground, holes)  # each hole as a whole, as GEOS has it
    beside = _united_where_they_meet(_polygons(holes[outside]))
    hollows = _united_where_they_meet(_polygons(holes[~outside]))
    within = shapely.contains_properly(ground, hollows)
    within &= ~_ringed(hollows, ~within)
    if not within.all():
        ground = shapely.difference(ground, shapely.union_all(hollows[~within]))
    hollows = hollows[within]
    parts = _with_holes(_polygons(np.array([ground], dtype=object)), hollows)
    # A hole's own hole is ground again, a part by itself.
    parts = np.concatenate([parts, shapely.polygons(_inner_rings(hollows)), beside])
    return parts[0] if parts.size == 1 else shapely.MultiPolygon(parts.tolist())


def _united_where_they_meet(hollows: Shapes) -> Shapes:
    """The same ground as polygons that do not overlap; those that meet no other are kept."""
    meeting = np.zeros(len(hollows), np.bool_)
    meeting[np.concatenate(meeting_pairs(hollows))] = True
    if not meeting.any():
        return hollows
    united = np.array([shapely.union_all(hollows[meeting])], dtype=object)
    return np.concatenate([hollows[~meeting], _polygons(united)])


def _ringed(hollows: Shapes, at_shell: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which hollows may enclose ground together: they touch at points, in a chain that closes.

    The shell is a link of such a chain, too: `at_shell` are the hollows that meet it. A group of
    touching hollows without more points than links (a tree) encloses nothing.
    """
    one, other = meeting_pairs(hollows)
    if not one.size:
        return np.zeros(len(hollows), np.bool_)
    points = shapely.get_num_coordinates(shapely.intersection(hollows[one], hollows[other]))
    outside = np.flatnonzero(at_shell)
    shell = len(hollows)
    start, end = np.append(one, outside), np.append(other, np.full(outside.size, shell))
    links = coo_array((np.ones(start.size), (start, end)), shape=(shell + 1, shell + 1))
    groups, of = connected_components(links, directed=False)
    touches = np.bincount(of[start], np.append(points, np.ones(outside.size)), minlength=groups)
    closed: NDArray[np.bool_] = (touches >= np.bincount(of, minlength=groups))[of[:shell]]
    return closed


def unite(parts: Shapes) -> shapely.Geometry | None:
    """One valid shape of valid polygons, in their order where they allow; None of nothing.

    Where they overlap, GEOS unites them without the holes that meet no other polygon.
    """
    flat = _polygons(parts)
    if not flat.size:
        return None
    if flat.size == 1:
        return flat[0]
    together = shapely.multipolygons(flat)
    if is_valid(together):
        return together
    rest, free = without_free_holes(together, may_touch_holes=True)
    pieces = _united_where_they_meet(shapely.get_parts(rest))
    pieces = _with_holes(pieces, free)
    if not pieces.size:
        return None
    return pieces[0] if pieces.size == 1 else shapely.multipolygons(pieces)


def _with_holes(parts: Shapes, hollows: Shapes) -> Shapes:
    """Each polygon with those of the hollows that lie in it; every hollow lies in one or none."""
    if not hollows.size:
        return parts
    inner_points = shapely.point_on_surface(hollows)
    part, hollow = shapely.STRtree(inner_points).query(parts, predicate="contains_properly")
    order = np.argsort(part, kind="stable")
    part, hollow = part[order], hollow[order]
    found = parts.copy()
    rings = shapely.get_exterior_ring(hollows)
    bounds = np.searchsorted(part, np.arange(len(parts) + 1))
    for at in np.flatnonzero(np.diff(bounds)).tolist():
        own = _inner_rings(parts[at : at + 1])
        inner = rings[hollow[bounds[at] : bounds[at + 1]]]
        found[at] = shapely.polygons(
            shapely.get_exterior_ring(parts[at]), np.concatenate([own, inner])
        )
    return found


def _polygons(shapes: Shapes) -> Shapes:
    parts: Shapes = shapely.get_parts(shapes)
    solid: Shapes = parts[(shapely.get_type_id(parts) == _POLYGON) & ~shapely.is_empty(parts)]
    return solid


def _inner_rings(solids: Shapes) -> Shapes:
    rings, owner = shapely.get_rings(solids, return_index=True)
    outer = np.unique(owner, return_index=True)[1]
    inner: Shapes = np.delete(rings, outer)
    return inner
