"""Distances between sites of one country: nearest neighbours and pairs within a radius.

Points lie on the unit sphere, where the chord says how far along the great circle two of them are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]

#: Mean radius of the Earth, km.
EARTH_KM = 6371.0088


def on_sphere(lon: Floats, lat: Floats) -> Floats:
    """Unit vectors of longitudes and latitudes in degrees, float64, shape (n, 3)."""
    x, y = np.radians(lon), np.radians(lat)
    cosine = np.cos(y)
    return np.stack([cosine * np.cos(x), cosine * np.sin(x), np.sin(y)], axis=-1)


class Neighbours:
    """The sites of a country in a KD-tree.

    Args:
        points: unit vectors, float64, shape (n, 3).
    """

    def __init__(self, points: Floats) -> None:
        self._points = points
        # Many sites may have the same place: a tree that is cut at medians does not degrade.
        self._tree = cKDTree(points)

    def nearest_km(self) -> Floats:
        """Distance of each site to its nearest other, km, shape (n,); empty for a single site."""
        if len(self._points) < 2:
            return np.empty(0)
        chord = self._tree.query(self._points, k=2)[0][:, 1]
        return np.asarray(2.0 * EARTH_KM * np.arcsin(np.minimum(1.0, chord / 2.0)))

    def pairs_within(self, radii_km: Sequence[float]) -> NDArray[np.int64]:
        """Unordered pairs of sites within each radius, int64, shape (radii,)."""
        chords = 2.0 * np.sin(np.asarray(radii_km, np.float64) / (2.0 * EARTH_KM))
        # Counted are ordered pairs, each site with itself among them.
        ordered = np.asarray(self._tree.count_neighbors(self._tree, chords), np.int64)
        return (ordered - len(self._points)) // 2
