"""Two GDALs and two PROJs in one process, deaf to the environment (contract §3).

rasterio, pyogrio and pyproj each bring their own libraries, and each asks the environment for
options that change what a file means: another axis order, another encoding, another database of
CRSs. While a foreign file is read, no such variable is there. The command line reads one file after
another on one thread, so nothing else misses them meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PREFIXES: Final = (
    "GDAL_", "OGR_", "OSR_", "CPL_", "PROJ_", "GTIFF_", "TIFF_", "SHAPE_", "GPKG_", "SQLITE_",
    "VSI_", "USE_SPATIALITE", "OSM_", "GML_", "DXF_", "MITAB_", "CSV_", "OGRJSON", "GEOJSON_",
    "ESRI_", "NETCDF_", "HDF5_", "VRT_", "CONVERT_YCBCR",
)  # fmt: skip


@contextmanager
def plain_environment() -> Iterator[None]:
    """Within it the process has no variable of GDAL's or PROJ's; afterwards it has them again."""
    hidden = {name: value for name, value in os.environ.items() if name.startswith(_PREFIXES)}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)
