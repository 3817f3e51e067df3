"""How large a polygon is, read from its WKB without building it.

Everything that S1 does with a polygon is in memory, and GEOS takes many times the bytes of the WKB
to check one: a million rings of five vertices took 1.6 GB. So the size is read first, and refused
if it is too large, before anything is built.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

#: Measured on S1 of one country (docs/faults.md): bytes at its peak for a vertex and for a ring.
_BYTES_A_VERTEX = 530
_BYTES_A_RING = 900
#: What one country's polygon may take, so that a worker with its libraries stays below 1 GiB.
LIMIT_BYTES = 700 << 20

_POLYGON, _MULTIPOLYGON = 3, 6
_HAS_Z, _HAS_M, _HAS_SRID = 0x80000000, 0x40000000, 0x20000000


@dataclass(frozen=True)
class WkbSize:
    """Rings and vertices of a polygon or multipolygon."""

    rings: int
    vertices: int

    @property
    def bytes_needed(self) -> int:
        """An estimate of S1's memory for it, in bytes."""
        return self.rings * _BYTES_A_RING + self.vertices * _BYTES_A_VERTEX


def wkb_size(wkb: bytes) -> WkbSize:
    """Count the rings and vertices of a WKB polygon or multipolygon.

    Counting stops where the bytes are too short or of another kind. The code that builds the
    geometry reports the fault.
    """
    at = rings = vertices = 0
    polygons = 1
    try:
        while polygons:
            polygons -= 1
            order = "<" if wkb[at] else ">"
            kind, dimensions, at = _header(wkb, at, order)
            if kind == _MULTIPOLYGON and rings == 0:
                (polygons,) = struct.unpack_from(f"{order}I", wkb, at)
                at += 4
                continue
            if kind != _POLYGON:
                break
            (count,) = struct.unpack_from(f"{order}I", wkb, at)
            at += 4
            length = struct.Struct(f"{order}I").unpack_from
            for _ in range(count):
                (points,) = length(wkb, at)
                at += 4 + points * 8 * dimensions
                if at > len(wkb):
                    return WkbSize(rings, vertices)
                rings += 1
                vertices += points
    except (struct.error, IndexError):
        pass
    return WkbSize(rings, vertices)


def _header(wkb: bytes, at: int, order: str) -> tuple[int, int, int]:
    """(kind, dimensions of a vertex, where the body begins); both encodings of Z, M and SRID."""
    (code,) = struct.unpack_from(f"{order}I", wkb, at + 1)
    plain = code & 0x0FFFFFFF
    family = plain // 1000
    z = bool(code & _HAS_Z) or family in (1, 3)
    m = bool(code & _HAS_M) or family in (2, 3)
    return plain % 1000, 2 + z + m, at + 5 + (4 if code & _HAS_SRID else 0)
