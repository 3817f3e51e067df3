"""Natural Earth's countries out of a TopoJSON file, as valid planar polygons.

world-atlas removes the cut that Natural Earth makes along the antimeridian and round the south
pole, so its rings are curves on a sphere: one step may jump from +179.9 to -179.9. Each ring
is unrolled on the quantised integers (exact), closed over the pole if it circles it, and cut
again at ±180, which gives polygons that a planar reader understands.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

SOURCE_NAME = "world-atlas-2.0.2-countries-10m.json.xz"


@dataclass(frozen=True)
class Feature:
    """One feature of the source: its ISO numeric code (None where it has none) and its shape."""

    numeric_code: int | None
    name: str
    geometry: shapely.Geometry


def source_bytes() -> bytes:
    """The vendored TopoJSON, decompressed."""
    packed = files("segment1b_assets.reference_world") / "sources" / SOURCE_NAME
    return lzma.decompress(packed.read_bytes())


def read_features(raw: bytes) -> list[Feature]:
    """Every feature of the `countries` object, in file order; longitudes in [-180, 180]."""
    topology = json.loads(raw)
    scale = np.array(topology["transform"]["scale"], dtype=np.float64)
    shift = np.array(topology["transform"]["translate"], dtype=np.float64)
    period = round(360.0 / scale[0])
    arcs = [np.cumsum(np.array(arc, dtype=np.int64), axis=0) for arc in topology["arcs"]]

    def ring(arc_ids: list[int]) -> NDArray[np.float64]:
        return _to_degrees(_unroll(_join(arcs, arc_ids), period), scale, shift)

    out = []
    for shape in topology["objects"]["countries"]["geometries"]:
        parts = [[ring(ids) for ids in polygon] for polygon in _polygons(shape)]
        geometry = merge_polygons([piece for rings in parts for piece in _planar(rings)])
        code = shape.get("id")
        out.append(Feature(None if code is None else int(code), _name(shape), geometry))
    return out


def _name(shape: dict[str, Any]) -> str:
    return str(shape["properties"]["name"])


def _polygons(shape: dict[str, Any]) -> list[list[list[int]]]:
    if shape["type"] == "Polygon":
        return [shape["arcs"]]
    return list(shape["arcs"])


def _join(arcs: list[NDArray[np.int64]], arc_ids: list[int]) -> NDArray[np.int64]:
    """Arcs end to end; a negative id is the arc ~id walked backwards; joints appear once."""
    walked = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in arc_ids]
    return np.concatenate([walked[0], *(arc[1:] for arc in walked[1:])])


def _unroll(points: NDArray[np.int64], period: int) -> NDArray[np.int64]:
    """Longitudes made continuous along the ring, by multiples of 360°."""
    step = np.diff(points[:, 0])
    shifts = np.cumsum((step < -period // 2).astype(np.int64) - (step > period // 2))
    out = points.copy()
    out[1:, 0] += shifts * period
    return out


def _to_degrees(
    points: NDArray[np.int64], scale: NDArray[np.float64], shift: NDArray[np.float64]
) -> NDArray[np.float64]:
    ring = points * scale + shift
    if points[0, 0] != points[-1, 0]:  # it circles the south pole: close it along -90
        ring = np.concatenate([ring, [[ring[-1, 0], -90.0], [ring[0, 0], -90.0], ring[0]]])
    return ring


def _planar(rings: list[NDArray[np.float64]]) -> list[shapely.Geometry]:
    """The polygon of one outer ring and its holes, cut at every odd multiple of 180."""
    shell, holes = rings[0], [hole for hole in rings[1:] if len(hole) > 3]
    if len(shell) <= 3:  # an islet that the source's quantisation flattened to nothing
        return []
    middle = shell[:, 0].mean()
    holes = [
        hole + np.array([360.0 * round((middle - hole[:, 0].mean()) / 360.0), 0.0])
        for hole in holes
    ]
    whole = shapely.make_valid(shapely.Polygon(shell, holes))
    west, _, east, _ = shapely.bounds(whole)
    if west >= -180.0 and east <= 180.0:
        return [whole]
    pieces = []
    for turn in range(int(np.floor((west + 180.0) / 360.0)), int(np.ceil((east + 180.0) / 360.0))):
        window = shapely.box(-180.0 + 360.0 * turn, -90.0, 180.0 + 360.0 * turn, 90.0)
        piece = shapely.intersection(whole, window)
        pieces.append(shapely.transform(piece, lambda xy, t=turn: xy - [360.0 * t, 0.0]))
    return pieces


def merge_polygons(pieces: list[shapely.Geometry]) -> shapely.Geometry:
    """The union's polygons (lines and points that a repair left over dropped), outer rings
    anticlockwise, as one valid Polygon or MultiPolygon (empty where no area is left)."""
    parts = shapely.get_parts(shapely.get_parts(np.array(pieces, dtype=object)))
    areal = parts[np.isin(shapely.get_type_id(parts), (3, 6))]
    union = shapely.get_parts(shapely.union_all(areal))
    polygons = union[shapely.get_type_id(union) == 3]
    polygons = shapely.orient_polygons(polygons, exterior_cw=False)
    return polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
