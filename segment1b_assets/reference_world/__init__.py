"""Builds a reference world: every input of the contract's section 3, from real public data.

The one public door is `build_world`. The same three numbers (cells per degree, merchants, seed)
give the same bytes, so a committed world can be rebuilt and compared.
"""

from segment1b_assets.reference_world.build import build_world
from segment1b_assets.reference_world.errors import WorldError
from segment1b_assets.reference_world.provenance import WorldSummary

__all__ = ["WorldError", "WorldSummary", "build_world"]
