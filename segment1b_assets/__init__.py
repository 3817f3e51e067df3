"""Segment 1B: from a population raster, country polygons and an outlet catalogue to site locations.

Data flows one way: ``contracts`` (names and shapes) <- ``core`` (pure maths) <- ``assets`` and
``checks`` (Dagster) <- ``definitions`` (the code location).
"""

from segment1b_assets.reader import read_site_locations

__all__ = ["read_site_locations"]
