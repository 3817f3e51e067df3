"""A country's polygon as flat edge arrays, checked on the way in (contract §3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.validity import invalid_reason
from segment1b_assets.core.wkb_size import LIMIT_BYTES, wkb_size

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Degrees, three times 360. Longitudes wrap, but one further out is a mistake, and the bounds on
#: rounding (core/scanline.py) hold up to this value.
MAX_ABS_LON = 1080.0
MAX_ABS_LAT = 90.0
#: Degrees of longitude that an edge may span: beyond 180 its direction is ambiguous.
MAX_EDGE_LON = 180.0


@dataclass(frozen=True, eq=False)
class Edges:
    """Straight edges of rings, zero-length ones left out.

    Attributes:
        x1, y1, x2, y2: float64, shape (edges,), degrees.
        ring: int64, shape (edges,), index into the polygon's rings.
    """

    x1: Floats
    y1: Floats
    x2: Floats
    y2: Floats
    ring: Ints

    def __len__(self) -> int:
        return self.x1.size

    def take(self, which: NDArray[np.bool_] | Ints) -> Edges:
        """Only some of the edges, by mask or by index."""
        return Edges(
            self.x1[which], self.y1[which], self.x2[which], self.y2[which], self.ring[which]
        )


@dataclass(frozen=True, eq=False)
class CountryPolygon:
    """A valid polygon or multipolygon in degrees, WGS84.

    A part is one polygon of the multipolygon; its rings are one shell and any number of holes.

    Attributes:
        country: ISO code, for messages.
        geometry: the shapely geometry that the arrays were taken from.
        slanted: the edges that are not horizontal, directed north (y1 < y2).
        level: the horizontal edges, directed east (x1 < x2, y1 == y2).
        vertices: the rings' vertices as edges of no length (x1 == x2, y1 == y2).
        ring_part: int64, shape (rings,), the part that each ring belongs to.
        ring_is_hole: bool, shape (rings,).
        part_bounds: float64, shape (parts, 4): min lon, min lat, max lon, max lat.
    """

    country: str
    geometry: shapely.Geometry
    slanted: Edges
    level: Edges
    vertices: Edges
    ring_part: Ints
    ring_is_hole: NDArray[np.bool_]
    part_bounds: Floats

    @classmethod
    def from_wkb(
        cls, country: str, wkb: bytes, file: str | PurePath | None = None
    ) -> CountryPolygon:
        """Read and check a WKB Polygon or MultiPolygon.

        Raises:
            Segment1BError: E001_GEO_INVALID if the bytes are not such a geometry, hold an empty or
                open ring or a coordinate that is not finite, break the OGC rules of validity
                (the reason and the place are GEOS's), or have an edge of more than 180 degrees of
                longitude that does not run along a pole; E004_BOUNDS for a latitude outside
                [-90, 90] or a longitude outside [-1080, 1080]; E007_CRS_MISMATCH if the bytes name
                another CRS than EPSG:4326; E009_PERF_BUDGET if it has more rings and vertices
                than a worker has memory for.
        """
        _require_a_fitting_size(country, wkb, file)
        try:
            with np.errstate(invalid="ignore"):  # NaN is refused below, with its vertex
                geometry = shapely.from_wkb(wkb)
        except (shapely.errors.ShapelyError, TypeError, ValueError, NotImplementedError) as reason:
            raise Segment1BError(
                "E001_GEO_INVALID", f"the WKB cannot be read: {reason}", country=country, file=file
            ) from reason
        return cls.from_geometry(country, geometry, file)

    @classmethod
    def from_geometry(
        cls, country: str, geometry: shapely.Geometry, file: str | PurePath | None = None
    ) -> CountryPolygon:
        """The same from a shapely geometry; raises as `from_wkb`."""
        parts = _checked_parts(country, geometry, file)
        rings, ring_part = shapely.get_rings(parts, return_index=True)
        ring_is_hole = np.ones(rings.size, np.bool_)
        ring_is_hole[np.unique(ring_part, return_index=True)[1]] = False  # a part's shell is first
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        x, y = np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])
        real = (ring[1:] == ring[:-1]) & ((x[1:] != x[:-1]) | (y[1:] != y[:-1]))
        edges = Edges(x[:-1], y[:-1], x[1:], y[1:], ring[1:]).take(real)
        flat = edges.y1 == edges.y2
        return cls(
            country=country,
            geometry=geometry,
            slanted=_northward(edges.take(~flat)),
            level=_eastward(edges.take(flat)),
            vertices=Edges(edges.x1, edges.y1, edges.x1, edges.y1, edges.ring),
            ring_part=ring_part.astype(np.int64),
            ring_is_hole=ring_is_hole,
            part_bounds=shapely.bounds(parts),
        )


def _require_a_fitting_size(country: str, wkb: bytes, file: str | PurePath | None) -> None:
    size = wkb_size(wkb)
    if size.bytes_needed > LIMIT_BYTES:
        raise Segment1BError(
            "E009_PERF_BUDGET",
            f"{size.rings:,} rings and {size.vertices:,} vertices would take "
            f"{size.bytes_needed >> 20:,} MiB; the limit is {LIMIT_BYTES >> 20:,} MiB",
            country=country,
            file=file,
            value=size.rings,
            next_step="simplify the polygon, or leave out islands and holes far smaller than a "
            "cell of the raster: under inclusion rule center they seldom decide anything",
        )


def _checked_parts(
    country: str, geometry: shapely.Geometry, file: str | PurePath | None
) -> NDArray[np.object_]:
    def invalid(detail: str, next_step: str | None = None) -> Segment1BError:
        return Segment1BError(
            "E001_GEO_INVALID", detail, country=country, file=file, next_step=next_step
        )

    kind = getattr(geometry, "geom_type", type(geometry).__name__)
    if kind not in ("Polygon", "MultiPolygon"):
        raise invalid(
            f"the geometry is a {kind}, not a Polygon or MultiPolygon",
            "keep only its polygons: shapely.union_all([p for p in shapely.get_parts(g) if "
            'p.geom_type in ("Polygon", "MultiPolygon")]); lines and points have no cells',
        )
    srid = shapely.get_srid(geometry)
    if srid not in (0, 4326):
        raise Segment1BError(
            "E007_CRS_MISMATCH",
            f"the WKB names SRID {srid}, not 4326",
            country=country,
            file=file,
            value=srid,
        )
    parts: NDArray[np.object_] = shapely.get_parts(geometry)
    if parts.size == 0 or shapely.is_empty(parts).any():
        raise invalid("the geometry, or a part of it, is empty")
    xy = shapely.get_coordinates(geometry)
    odd = ~np.isfinite(xy).all(axis=1)
    if odd.any():
        raise invalid(f"vertex {int(np.argmax(odd))} is not finite: {xy[np.argmax(odd)].tolist()}")
    bounded = (np.abs(xy) <= (MAX_ABS_LON, MAX_ABS_LAT)).all()
    if bounded:  # GEOS's reason for a ring with such an edge is misleading
        _refuse_long_edges(country, parts, file)
    with np.errstate(all="ignore"):  # where edges cross at 1e300 degrees, GEOS overflows
        if (reason := invalid_reason(geometry)) is not None:
            raise invalid(reason)
    for axis, limit, name in ((1, MAX_ABS_LAT, "latitude"), (0, MAX_ABS_LON, "longitude")):
        out = np.abs(xy[:, axis]) > limit
        if out.any():
            value = float(xy[np.argmax(out), axis])
            raise Segment1BError(
                "E004_BOUNDS",
                f"{name} {value!r} of vertex {int(np.argmax(out))} is outside "
                f"[-{limit:g}, {limit:g}]",
                country=country,
                file=file,
                value=value,
                next_step="correct the polygon: degrees, longitude first",
            )
    return parts


def _refuse_long_edges(
    country: str, parts: NDArray[np.object_], file: str | PurePath | None
) -> None:
    """Refuse an edge that spans more than 180 degrees, unless both its ends are a pole.

    Such an edge comes from a ring across the antimeridian whose longitudes jump from 180 to -180,
    or from a ring round a pole without the pole: drawn straight it covers the wrong side of the
    Earth.
    """
    xy, ring = shapely.get_coordinates(shapely.get_rings(parts), return_index=True)
    west, east = np.minimum(xy[1:, 0], xy[:-1, 0]), np.maximum(xy[1:, 0], xy[:-1, 0])
    span = east - west
    # Where the difference is rounded to 180 itself, the rounding error decides; it is exact by
    # Sterbenz or by the error term of a two-term sum.
    back = span + west
    lost = (east - back) - (west - (back - span))
    polar = (np.abs(xy[1:, 1]) == MAX_ABS_LAT) & (xy[1:, 1] == xy[:-1, 1])
    long = (span > MAX_EDGE_LON) | ((span == MAX_EDGE_LON) & (lost > 0))
    long &= (ring[1:] == ring[:-1]) & ~polar
    if not long.any():
        return
    at = int(np.argmax(long))
    ends = f"{xy[at].tolist()} to {xy[at + 1].tolist()}"
    raise Segment1BError(
        "E001_GEO_INVALID",
        f"the edge from {ends} spans {span[at]:g} degrees of longitude, more than 180",
        country=country,
        file=file,
        value=float(span[at]),
        next_step="a ring across the antimeridian: continue it past 180 (-178 is 182: "
        "shapely.transform(ring, lambda p: p + (p[:, :1] < 0) * [360, 0])) or cut it there; a "
        "ring round a pole: add the corners (180, -90) and (-180, -90), for the north pole 90",
    )


def _northward(e: Edges) -> Edges:
    up = e.y1 < e.y2
    return Edges(
        np.where(up, e.x1, e.x2),
        np.where(up, e.y1, e.y2),
        np.where(up, e.x2, e.x1),
        np.where(up, e.y2, e.y1),
        e.ring,
    )


def _eastward(e: Edges) -> Edges:
    return Edges(np.minimum(e.x1, e.x2), e.y1, np.maximum(e.x1, e.x2), e.y2, e.ring)
