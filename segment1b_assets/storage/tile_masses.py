"""The source of a country's masses, by the basis of the policy (contract §4, S2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.storage.mass_spill import SpilledMasses
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_areas_of


def tile_masses(inputs: RunInputs, country: str) -> RasterValues | NDArray[np.float64] | None:
    """The raster (population), the areas of raster rows (area_m2), or None (uniform)."""
    basis = inputs.policies["policy.s2.tile_weights"].basis
    if basis == "population":
        return RasterValues(inputs.ensure_local("population_raster_2025"))
    return row_areas_of(inputs, country) if basis == "area_m2" else None


def mass_store(
    inputs: RunInputs, masses: RasterValues | NDArray[np.float64] | None
) -> SpilledMasses | None:
    """The store of a large country's masses between passes; only a raster's need one."""
    return SpilledMasses(inputs.root, masses.dtype) if isinstance(masses, RasterValues) else None
