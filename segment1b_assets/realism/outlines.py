"""Country outlines, simplified for maps of the world and of a country."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.storage.run_inputs import RunInputs

#: Degrees: how far an outline may lie from its polygon, and below which area a ring is left out.
TOLERANCE: Final = 0.04
LEAST_AREA: Final = 0.03

#: country -> its rings, float64 (k, 2): longitude and latitude in hundredths of a degree.
Outlines = Mapping[str, list[NDArray[np.float64]]]


def outlines(inputs: RunInputs) -> Outlines:
    """The outer rings of every country; its largest is always there. Bad polygons are left out."""
    found = {}
    for country, wkb in sorted(inputs.shapes.wkb.items()):
        shape = shapely.from_wkb(wkb, on_invalid="ignore")
        parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"] if shape else []
        outer = [shapely.Polygon(p.exterior) for p in parts if not p.is_empty]
        if not outer:
            continue
        areas = shapely.area(outer)
        shown = [p for p, a in zip(outer, areas, strict=True) if a >= LEAST_AREA]
        shown = shown or [outer[int(np.argmax(areas))]]
        found[country] = [_simplified(p) for p in shown]
    return found


def _simplified(polygon: shapely.Polygon) -> NDArray[np.float64]:
    whole = shapely.get_coordinates(polygon)
    # As a line it stays one ring, which a polygon does not where its outline touches itself.
    line = shapely.LineString(whole)
    simple = shapely.get_coordinates(line.simplify(TOLERANCE, preserve_topology=False))
    # A speck smaller than the tolerance would vanish.
    ring: NDArray[np.float64] = np.round((simple if len(simple) >= 4 else whole) * 100.0)
    return ring + 0.0  # no minus zero
