"""Settings of GDAL and PROJ, independent of the environment (contract §3).

GDAL looks for an option in three places: the thread's settings, a configuration file or the
process's settings, and the environment. The first wins, so every option that changes how a GeoTIFF
is read is set for the thread while a raster is open. Some options count only while GDAL registers
its drivers, once per process; those are hidden at that moment. PROJ's database is rasterio's own,
so every machine knows the same CRSs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import rasterio
from rasterio._env import get_proj_data_search_paths, set_proj_data_search_path

#: How a raster is opened: a GeoTIFF and nothing else (a virtual raster's pixels lie elsewhere),
#: georeferenced by the file itself. GDAL's names.
PLAIN_TIFF: Final = {"driver": "GTiff", "GEOREF_SOURCES": "INTERNAL", "NUM_THREADS": "1"}
#: Bytes of GDAL's own cache of blocks, for the whole process.
CACHE_BYTES: Final = 128 << 20
#: Options by what they would otherwise decide. GDAL's names, and its defaults unless noted.
PINNED: Final = {
    # Which files are read: the raster alone, for parameter_hash covers its bytes only.
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "ESRI_XML_PAM": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    # Where the grid lies. A negative pixel height is refused before it has an effect.
    "GTIFF_POINT_GEO_IGNORE": "NO",
    "GTIFF_HONOUR_NEGATIVE_SCALEY": "NO",
    # Which CRS it has: the horizontal one, by its EPSG code.
    "GTIFF_REPORT_COMPD_CS": "NO",
    "GTIFF_SRS_SOURCE": "EPSG",
    "GTIFF_IMPORT_FROM_EPSG": "YES",
    "GTIFF_ESRI_CITATION": "YES",
    "GTIFF_LINEAR_UNITS": "",
    "GTIFF_READ_ANGULAR_PARAMS_IN_DEGREE": "NO",
    "GDAL_IGNORE_AXIS_ORIENTATION": "NO",
    "OSR_DEFAULT_AXIS_MAPPING_STRATEGY": "AUTHORITY_COMPLIANT",
    "OSR_STRIP_TOWGS84": "YES",
    # What a pixel is. A block that cannot be decoded is an error, never zeros.
    "GTIFF_IGNORE_READ_ERRORS": "NO",
    "GTIFF_DIRECT_IO": "NO",
    "GTIFF_VIRTUAL_MEM_IO": "NO",
    "GTIFF_USE_MMAP": "NO",
    "GTIFF_IMPLICIT_JPEG_OVR": "YES",
    "GDAL_TIFF_INTERNAL_MASK_TO_8BIT": "YES",
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "YES",
    "CONVERT_YCBCR_TO_RGB": "YES",
    "TIFF_READ_STREAMING": "NO",
    # How it is read: refusals, and the meaning of the counters of bytes read.
    "GDAL_ENABLE_TIFF_SPLIT": "YES",
    "GDAL_MAX_BAND_COUNT": "65536",
    "GDAL_ONE_BIG_READ": "NO",
    "GDAL_FORCE_CACHING": "NO",
    "GDAL_BAND_BLOCK_CACHE": "AUTO",
    "GDAL_NUM_THREADS": "1",
    "VSI_CACHE": "NO",
}
#: Options that GDAL looks up at every read.
_WHILE_READING: Final = {
    name: PINNED[name]
    for name in ("GDAL_ERROR_ON_LIBJPEG_WARNING", "GDAL_FORCE_CACHING", "GDAL_NUM_THREADS",
                 "GDAL_ONE_BIG_READ", "GTIFF_IGNORE_READ_ERRORS")
}  # fmt: skip
#: Options that count while GDAL registers its drivers: the drivers, and a configuration file.
_AT_REGISTRATION: Final = ("GDAL_SKIP", "GDAL_DRIVER_PATH", "GDAL_CONFIG_FILE")
_PROJ_DATA: Final = str(Path(rasterio.__file__).parent / "proj_data")


@contextmanager
def gdal_settings() -> Iterator[None]:
    """Apply these settings to this thread's GDAL and PROJ; GDAL's messages go to logging."""
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, **PINNED):
        # A distribution's rasterio has no database of its own, and finds the system's.
        if Path(_PROJ_DATA).is_dir() and get_proj_data_search_paths() != [_PROJ_DATA]:
            set_proj_data_search_path(_PROJ_DATA)
        yield


def settings_while_reading() -> rasterio.Env:
    """Apply the few settings that count once a raster is open, in a seventh of the time."""
    return rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, **_WHILE_READING)


def _register_drivers() -> None:
    """Let GDAL register its drivers now, if the environment would affect that."""
    hidden = {name: os.environ.pop(name) for name in _AT_REGISTRATION if name in os.environ}
    if hidden:
        try:
            with rasterio.Env():
                pass
        finally:
            os.environ.update(hidden)


_register_drivers()
