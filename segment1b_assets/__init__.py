"""Segment 1B: from a population raster, country polygons and an outlet catalogue to site locations.

Data flows one way: ``contracts`` (names and shapes) <- ``core`` (pure maths) <- ``assets`` and
``checks`` (Dagster) <- ``definitions`` (the code location).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segment1b_assets.reader import read_site_locations

__all__ = ["read_site_locations"]


def __getattr__(name: str) -> Any:
    """Import the reader on first use: polars takes longer than `segment1b gate` does."""
    if name != "read_site_locations":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from segment1b_assets.reader import read_site_locations

    return read_site_locations
