"""An invalid polygon is mended ring by ring, and as a whole only where that does not do.

GEOS' make_valid takes minutes for a polygon of some hundred thousand vertices and ten thousand
holes. Most such polygons are invalid because one ring touches or crosses itself. That ring alone is
mended then, and the polygon is put together again from rings without an overlay.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray


def mend_polygon(polygon: shapely.Geometry) -> shapely.Geometry:
    """A valid polygon or multipolygon of the same ground, perhaps empty; lines and spikes go.

    The ground is that of ``make_valid(method="structure", keep_collapsed=False)``: what the shell
    encloses less what the holes enclose.
    """
    whole = _from_mended_rings(polygon)
    if whole is None or not shapely.is_valid(whole):
        whole = make_valid(polygon)
    return whole


def make_valid(geometry: shapely.Geometry) -> shapely.Geometry:
    """GEOS' own repair, by the structure of rings and without what has no area."""
    with np.errstate(all="ignore"):  # GEOS overflows where edges cross far out
        return shapely.make_valid(geometry, method="structure", keep_collapsed=False)


def _from_mended_rings(polygon: shapely.Geometry) -> shapely.Geometry | None:
    """The polygon from its rings, each mended; None where the shell falls apart."""
    solids: NDArray[np.object_] = shapely.polygons(shapely.get_rings(polygon))
    broken = np.flatnonzero(~shapely.is_valid(solids))
    mended = {at: shapely.get_parts(make_valid(solids[at])) for at in broken.tolist()}
    shells = mended.get(0, solids[:1])
    if len(shells) != 1:
        return None
    pieces = [mended[at] for at in broken.tolist() if at]
    intact = np.delete(solids, broken if 0 in mended else np.append(broken, 0))
    hollows = np.concatenate([intact, *pieces])
    # A hole's own hole is ground again: a part by itself.
    islands = shapely.polygons(_inner_rings(hollows))
    holes = np.concatenate([shapely.get_exterior_ring(hollows), _inner_rings(shells)])
    whole = shapely.polygons(shapely.get_exterior_ring(shells[0]), holes)
    return shapely.multipolygons([whole, *islands]) if islands.size else whole


def _inner_rings(solids: NDArray[np.object_]) -> NDArray[np.object_]:
    rings, owner = shapely.get_rings(solids, return_index=True)
    outer = np.unique(owner, return_index=True)[1]
    return np.delete(rings, outer)
