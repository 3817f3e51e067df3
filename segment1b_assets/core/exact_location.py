"""Is a point in the country? Decided in rational arithmetic, one point at a time.

The fast tests certify their floats and pass only doubtful points to this module.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from segment1b_assets.core.placement import Placement


def exactly_inside(placement: Placement, lon: float, lat: float) -> bool:
    """Whether (lon + shift, lat) is in a part by the rule of `center` (contract §4, S1).

    In the interior or on an outer boundary; not in a hole and not on one. The point may lie off
    the grid.

    Args:
        placement: the parts and the shift.
        lon, lat: degrees; taken as the exact binary64 numbers that they are.
    """
    polygon = placement.polygon
    x, y = Fraction(lon) + Fraction(placement.shift), Fraction(lat)
    on: set[int] = set()
    crossings = 0
    for edges in (placement.every_slanted, placement.every_level):
        for i in np.flatnonzero((edges.y1 <= lat) & (lat <= edges.y2)):
            x1, y1 = Fraction(float(edges.x1[i])), Fraction(float(edges.y1[i]))
            x2, y2 = Fraction(float(edges.x2[i])), Fraction(float(edges.y2[i]))
            left_of = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
            if left_of == 0 and min(x1, x2) <= x <= max(x1, x2):
                on.add(int(edges.ring[i]))
            elif y1 <= y < y2 and left_of < 0:
                crossings += 1  # a northward edge that has the point on its right: west of it
    if not on:
        return crossings % 2 == 1
    holes = {int(polygon.ring_part[r]) for r in on if polygon.ring_is_hole[r]}
    shells = {int(polygon.ring_part[r]) for r in on if not polygon.ring_is_hole[r]}
    return bool(shells - holes)
