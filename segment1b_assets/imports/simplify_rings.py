"""Polygons of more vertices than a worker has memory for: refused, or thinned out first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.wkb_size import LIMIT_BYTES, WkbSize

#: Bytes of the whole table that its reader admits (storage.references), some room left.
_MOST_TABLE_BYTES = 240 << 20
_BYTES_A_VERTEX = 16


def simplify_polygons(geometries: NDArray[np.object_], degrees: float) -> NDArray[np.object_]:
    """Leave out vertices nearer than `degrees` to the line without them, and rings smaller.

    A shape that is smaller as a whole is kept as it is.
    Each ring is taken by itself (Douglas and Peucker), so neighbours may overlap or gape by twice
    that. Rings may cross afterwards: the result is to be mended.

    Args:
        geometries: shapes in degrees, None where null, shape (rows,).
    """
    found = geometries.copy()
    for at, geometry in enumerate(geometries.tolist()):
        if geometry is not None and geometry.geom_type in ("Polygon", "MultiPolygon"):
            found[at] = _simplified(geometry, degrees)
    return found


def _simplified(geometry: shapely.Geometry, degrees: float) -> shapely.Geometry:
    parts = shapely.get_parts(geometry)
    rings, part = shapely.get_rings(parts, return_index=True)
    shell = np.zeros(len(rings), np.bool_)
    shell[np.unique(part, return_index=True)[1]] = True
    bounds = shapely.bounds(rings)
    wide = (bounds[:, 2:] - bounds[:, :2]).max(axis=1) >= degrees
    rings = shapely.simplify(rings, degrees, preserve_topology=False)
    wide &= shapely.get_num_coordinates(rings) >= 4
    kept_part = wide[shell][part]
    rings, part, shell = (a[wide & kept_part] for a in (rings, part, shell))
    if not len(rings):
        return geometry  # all of it is smaller: a rock or a city keeps its shape
    starts = np.flatnonzero(shell)
    ends = np.append(starts[1:], len(rings))
    solids = shapely.polygons(rings[starts])
    for at in np.flatnonzero(ends - starts > 1).tolist():
        solids[at] = shapely.polygons(rings[starts[at]], rings[starts[at] + 1 : ends[at]])
    return solids[0] if len(solids) == 1 else shapely.multipolygons(solids)


def require_workable_size(
    sizes: Mapping[str, WkbSize], file: Path, simplified: float | None = None
) -> None:
    """Refuse what the states would refuse for its size, before minutes are spent on mending it.

    Args:
        sizes: alpha-2 -> rings and vertices of all its rows, in degrees.
        file: for the message.
        simplified: what they were simplified by already, degrees.

    Raises:
        Segment1BError: E009_PERF_BUDGET, naming the countries; E_INPUT_SCHEMA for the whole.
    """
    large = {c: size for c, size in sizes.items() if size.bytes_needed > LIMIT_BYTES}
    degrees = 0.001 if simplified is None else 2 * simplified
    next_step = f"ask for --simplify {degrees:g} (degrees; 0.001 is some 100 m), and keep it below "
    next_step += "a cell of the raster"
    if large:
        listed = ", ".join(f"{code} ({size.vertices:,} vertices)" for code, size in large.items())
        raise Segment1BError(
            "E009_PERF_BUDGET", f"too large for a worker of 1 GiB: {listed}", file=file,
            value=list(large), next_step=next_step,
        )  # fmt: skip
    whole = sum(size.vertices for size in sizes.values()) * _BYTES_A_VERTEX
    if whole > _MOST_TABLE_BYTES:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"all polygons together take {whole >> 20:,} MiB", file=file,
            value=whole, next_step=next_step,
        )  # fmt: skip


def size_of(geometries: NDArray[np.object_]) -> WkbSize:
    """Rings and vertices of shapes together, None where null."""
    parts = shapely.get_parts(geometries)
    rings = int((np.maximum(shapely.get_num_interior_rings(parts), 0) + 1).sum())
    return WkbSize(rings, int(shapely.get_num_coordinates(parts).sum()))
