"""A TIFF's own tags, read from its first directory, because GDAL does not expose them.

GDAL turns the nodata text into a number, treats a negative pixel height as positive and ignores
the orientation. All three decide what the pixels mean (contract §3, Raster).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

_ORIENTATION, _PIXEL_SCALE, _NODATA = 274, 33550, 42113
#: TIFF's field types -> struct's letters; other types are not needed.
_LETTERS: Final = {1: "B", 2: "s", 3: "H", 4: "I", 9: "i", 12: "d", 16: "Q"}
#: A larger value is not a valid value of these tags.
_MAX_BYTES: Final = 4096


@dataclass(frozen=True)
class TiffTags:
    """Tags of the image that GDAL opens.

    Attributes:
        orientation: 1, the first row on top and the first column left, where no tag says otherwise.
        pixel_height: ScaleY of ModelPixelScaleTag; None where the file has none.
        nodata_text: GDAL_NODATA as it is spelt, without its closing NUL; None where it has none.
    """

    orientation: int = 1
    pixel_height: float | None = None
    nodata_text: str | None = None


def read_tiff_tags(path: Path) -> TiffTags:
    """The tags of a file's first directory, TIFF or BigTIFF, of either byte order.

    A file that is not a TIFF, or has a damaged directory, has none: GDAL reports the fault.

    Raises:
        OSError: the machine refused to read it.
    """
    with path.open("rb") as file:
        try:
            found = _first_directory(file)
        except (struct.error, OverflowError, KeyError, TypeError):
            return TiffTags()
    orientation, scale, text = (found.get(t, ()) for t in (_ORIENTATION, _PIXEL_SCALE, _NODATA))
    return TiffTags(
        orientation=int(orientation[0]) if orientation else 1,
        pixel_height=float(scale[1]) if len(scale) > 1 else None,
        nodata_text=bytes(text[0]).split(b"\0")[0].decode("latin-1") if text else None,
    )


def _first_directory(file: BinaryIO) -> dict[int, tuple[Any, ...]]:
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    big = struct.unpack_from(f"{order}H", head, 2) == (43,)
    (start,) = struct.unpack_from(f"{order}Q" if big else f"{order}I", head, 8 if big else 4)
    # The number of entries; an entry: tag, type, count, and its value or the value's offset.
    number, entry = (f"{order}Q", f"{order}HHQ8s") if big else (f"{order}H", f"{order}HHI4s")
    file.seek(start)
    (entries,) = struct.unpack(number, file.read(struct.calcsize(number)))
    size = struct.calcsize(entry)
    table = file.read(min(entries, 4096) * size)
    found: dict[int, tuple[Any, ...]] = {}
    for at in range(0, len(table) - size + 1, size):
        tag, kind, count, field = struct.unpack_from(entry, table, at)
        if tag not in (_ORIENTATION, _PIXEL_SCALE, _NODATA):
            continue
        layout = f"{order}{count}{_LETTERS[kind]}"
        if (needed := struct.calcsize(layout)) > _MAX_BYTES:
            continue
        if needed > len(field):
            (place,) = struct.unpack(f"{order}Q" if big else f"{order}I", field)
            file.seek(place)
            field = file.read(needed)
        found.setdefault(tag, struct.unpack_from(layout, field))
    return found
