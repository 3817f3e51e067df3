"""Foreign shapes become valid polygons in degrees: mended, cut, united by country (contract §3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_area import zone_area
from segment1b_assets.core.polygon import MAX_ABS_LAT, MAX_ABS_LON
from segment1b_assets.core.validity import valid_parts
from segment1b_assets.imports.mend_rings import mend_polygon, unite
from segment1b_assets.imports.ring_cut import cut_part, needs_cut

_POLYGON: Final = 3
_MULTI: Final = (4, 5, 6, 7)
#: An edge of a projected map gets vertices at least this often, for on the globe it is curved.
_DENSE_METRES: Final = 10_000.0


@dataclass
class MendedCountry:
    """A country's shape and what was done to it.

    Attributes:
        wkb: a valid polygon or multipolygon in degrees; None where nothing was left.
        rows: rows of the source.
        mended: polygons that were invalid.
        cut: polygons that were cut at the antimeridian.
        closed_at_pole: polygons that were closed at a pole.
        dropped: lines, points and empty shapes that were left out.
        km2_before, km2_after: area of the polygons as they came (after reprojection and cut), and
            as they are; a bow tie's two halves cancel in the former.
    """

    wkb: bytes | None = None
    rows: int = 0
    mended: int = 0
    cut: int = 0
    closed_at_pole: int = 0
    dropped: int = 0
    km2_before: float = 0.0
    km2_after: float = 0.0


def to_degrees(geometries: NDArray[np.object_], crs: Any, file: Path) -> NDArray[np.object_]:
    """Longitude and latitude on WGS84; the same coordinates where they are that already.

    Raises:
        Segment1BError: E007_CRS_MISMATCH for a CRS that is not named or not known; E004_BOUNDS
            where coordinates leave the globe.
    """
    import pyproj
    from pyproj.exceptions import CRSError

    if crs is None:
        raise Segment1BError(
            "E007_CRS_MISMATCH", "the file names no CRS", file=file, value="none",
            next_step="say which it is (ogr2ogr -a_srs EPSG:4326 out.gpkg in.shp, or add the .prj "
            "file), and import again",
        )  # fmt: skip
    try:
        source = pyproj.CRS.from_user_input(crs)
    except CRSError as err:
        raise Segment1BError(
            "E007_CRS_MISMATCH", f"its CRS is not known: {err}", file=file, value=str(crs)[:120]
        ) from err
    target = pyproj.CRS.from_user_input("OGC:CRS84")
    if not source.to_2d().equals(target, ignore_axis_order=True):
        mover = pyproj.Transformer.from_crs(source, target, always_xy=True)
        if source.is_projected:
            unit = source.axis_info[0].unit_conversion_factor or 1.0
            geometries = shapely.segmentize(geometries, _DENSE_METRES / unit)

        def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(mover.transform(xy[:, 0], xy[:, 1]))

        geometries = shapely.transform(geometries, move)
    xy = shapely.get_coordinates(geometries)
    wild = ~(np.isfinite(xy).all(axis=1) & (np.abs(xy) <= (MAX_ABS_LON, MAX_ABS_LAT)).all(axis=1))
    if wild.any():
        raise Segment1BError(
            "E004_BOUNDS", f"{int(wild.sum())} vertices lie off the globe, the first at "
            f"{xy[np.argmax(wild)].tolist()}", file=file, value=source.name,
            next_step="check that the file names the CRS that its coordinates are in, longitude "
            "first",
        )  # fmt: skip
    return geometries


def mend_country(geometries: NDArray[np.object_]) -> MendedCountry:
    """Unite the rows of one country into one valid shape; one valid row is kept bit for bit.

    Args:
        geometries: shapes in degrees, None where null, shape (rows,).
    """
    country = MendedCountry(rows=len(geometries))
    parts, country.dropped = _polygons_of(geometries)
    for at in np.flatnonzero(needs_cut(parts)).tolist():
        result = cut_part(parts[at])
        parts[at] = result.geometry
        country.cut += 1
        country.closed_at_pole += result.closed_at_pole
    country.km2_before = float(_areas_km2(parts).sum())
    with np.errstate(all="ignore"):  # GEOS overflows where edges cross far out
        invalid = np.flatnonzero(~valid_parts(parts))
        country.mended = invalid.size
        for at in invalid.tolist():
            parts[at] = mend_polygon(parts[at])
    whole = unite(parts)
    if whole is not None:
        country.wkb = shapely.to_wkb(whole, byte_order=1, flavor="iso")
        country.km2_after = float(_areas_km2(np.array([whole], dtype=object))[0])
    return country


def _polygons_of(geometries: NDArray[np.object_]) -> tuple[NDArray[np.object_], int]:
    """The polygons of all rows in order, and how many shapes are none."""
    nothing = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    parts = geometries[~nothing]
    while np.isin(shapely.get_type_id(parts), _MULTI).any():
        parts = shapely.get_parts(parts)
    solid = (shapely.get_type_id(parts) == _POLYGON) & ~shapely.is_empty(parts)
    return parts[solid], int(nothing.sum() + (~solid).sum())


def _areas_km2(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Areas on the WGS84 ellipsoid, float64, shape as given; edges straight in longitude and area.

    Each latitude is replaced by the area between it and the equator over a degree of longitude:
    then the plane's area of a polygon is the ellipsoid's.
    """

    def flatten(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lat = np.clip(xy[:, 1], -90.0, 90.0)
        up = zone_area(np.zeros_like(lat), np.abs(lat), 1.0)
        return np.column_stack([xy[:, 0], np.copysign(up, lat)])

    found: NDArray[np.float64] = shapely.area(shapely.transform(geometries, flatten)) * 1e-6
    return found
