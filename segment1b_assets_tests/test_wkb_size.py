"""Counting a polygon's rings and vertices from its bytes, before anything is built."""

from __future__ import annotations

import struct
from typing import Any

import pytest
import shapely

from segment1b_assets.core.wkb_size import WkbSize, wkb_size

HOLED = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(2, 2), (4, 2), (4, 4)]])
MULTI = shapely.MultiPolygon([HOLED, shapely.box(20, 0, 21, 1)])


@pytest.mark.parametrize("byte_order", [0, 1])
@pytest.mark.parametrize("flavor", ["extended", "iso"])
@pytest.mark.parametrize("heights", [False, True])
@pytest.mark.parametrize(("shape", "size"), [(HOLED, WkbSize(2, 9)), (MULTI, WkbSize(3, 14))])
def test_it_counts_in_every_dialect(
    shape: Any, size: WkbSize, heights: bool, flavor: str, byte_order: int
) -> None:
    shape = shapely.force_3d(shape, 1.0) if heights else shape
    assert wkb_size(shapely.to_wkb(shape, byte_order=byte_order, flavor=flavor)) == size


def test_an_srid_is_stepped_over() -> None:
    raw = shapely.to_wkb(shapely.set_srid(MULTI, 4326), include_srid=True)
    assert wkb_size(raw) == WkbSize(3, 14)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x01",
        struct.pack("<BII", 1, 3, 0xFFFFFFFF),
        struct.pack("<BII", 1, 6, 0xFFFFFFFF),
        struct.pack("<BIII", 1, 3, 1, 0xFFFFFFFF) + b"\0" * 32,
        shapely.to_wkb(shapely.Point(1, 2)),
    ],
)
def test_bytes_that_announce_what_is_not_there_count_for_nothing(raw: bytes) -> None:
    assert wkb_size(raw) == WkbSize(0, 0)
