"""Areas of polygons in square kilometres on the WGS84 ellipsoid, for reports."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.core.cell_area import zone_area

_KM2 = 1e-6


def areas_km2(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Areas in square kilometres, float64, shape as given; edges straight in longitude and area.

    Each latitude is replaced by the area between it and the equator over a degree of longitude:
    then the plane's area of a polygon is the ellipsoid's.
    """

    def flatten(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lat = np.clip(xy[:, 1], -90.0, 90.0)
        up = zone_area(np.zeros_like(lat), np.abs(lat), 1.0)
        return np.column_stack([xy[:, 0], np.copysign(up, lat)])

    found: NDArray[np.float64] = shapely.area(shapely.transform(geometries, flatten))
    return found * _KM2
