"""A TIFF written tag by tag, for files that GDAL reads and does not write."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

#: tag -> (struct's letter, values); text is one bytes object.
Tags = Mapping[int, tuple[str, Sequence[Any]]]

ORIENTATION, PIXEL_SCALE, TIEPOINT, GEO_KEYS, NODATA = 274, 33550, 33922, 34735, 42113
_TYPES = {"s": 2, "H": 3, "I": 4, "d": 12, "Q": 16}
_FORMATS = {"u": 1, "i": 2, "f": 3}


def geo_keys(*, point: bool = False, epsg: int = 4326) -> tuple[str, Sequence[int]]:
    """GeoKeys of a geographic CRS whose pixels are areas, or points."""
    keys = [(1024, 2), (1025, 2 if point else 1), (2048, epsg)]
    return "H", [1, 1, 0, len(keys), *(n for key, value in keys for n in (key, 0, 1, value))]


def placed(west: float, north: float, size: float) -> dict[int, tuple[str, Sequence[Any]]]:
    """The tags that place a north-up grid."""
    return {
        PIXEL_SCALE: ("d", [size, size, 0.0]),
        TIEPOINT: ("d", [0.0, 0.0, 0.0, west, north, 0.0]),
        GEO_KEYS: geo_keys(),
    }


def write_tiff(
    path: Path, pixels: np.ndarray[Any, Any], tags: Tags, *, order: str = "<", big: bool = False
) -> Path:
    """One strip without compression, with these tags beside the necessary ones."""
    rows, cols = pixels.shape
    strip = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    word, start = ("Q", 16) if big else ("I", 8)
    every: dict[int, tuple[str, Sequence[Any]]] = {
        256: ("I", [cols]), 257: ("I", [rows]), 258: ("H", [pixels.dtype.itemsize * 8]),
        259: ("H", [1]), 262: ("H", [1]), 273: (word, [start]), 277: ("H", [1]),
        278: ("I", [rows]), 279: (word, [len(strip)]), 339: ("H", [_FORMATS[pixels.dtype.kind]]),
        **tags,
    }  # fmt: skip
    entry_bytes, inline = (20, 8) if big else (12, 4)
    at = start + len(strip) + len(strip) % 2
    number = struct.pack(f"{order}{'Q' if big else 'H'}", len(every))
    place = at + len(number) + entry_bytes * len(every) + inline
    entries, beyond = b"", b""
    for tag, (letter, values) in sorted(every.items()):
        if letter == "s":
            count, field = len(values[0]), bytes(values[0])
        else:
            count, field = len(values), struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(field) > inline:
            here, field = place + len(beyond), field + b"\0" * (len(field) % 2)
            beyond += field
            field = struct.pack(f"{order}{word}", here)
        head = struct.pack(f"{order}HH{word}", tag, _TYPES[letter], count)
        entries += head + field.ljust(inline, b"\0")
    magic = {"<": b"II", ">": b"MM"}[order]
    head = struct.pack(f"{order}HHHQ", 43, 8, 0, at) if big else struct.pack(f"{order}HI", 42, at)
    path.write_bytes(
        (magic + head + strip).ljust(at, b"\0") + number + entries + b"\0" * inline + beyond
    )
    return path
