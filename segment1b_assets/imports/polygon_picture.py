"""A picture of imported polygons: a plain map of the world, what was changed in colour."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final

import numpy as np
import shapely
from PIL import Image, ImageDraw

from segment1b_assets.imports.mend_polygons import MendedCountry

#: Pixels a degree; drawn twice as large and halved, so that edges are smooth.
_SCALE: Final = 5
_DRAWN: Final = 2 * _SCALE
_SEA, _EDGE = (236, 242, 247), (255, 255, 255)
_LAND, _MENDED, _CUT = (146, 158, 170), (214, 126, 44), (44, 123, 182)


def draw_polygons(countries: Mapping[str, MendedCountry]) -> bytes:
    """A PNG of 1800 × 900 pixels: orange where rings were mended, blue where they were cut."""
    image = Image.new("RGB", (360 * _DRAWN, 180 * _DRAWN), _SEA)
    pen = ImageDraw.Draw(image)
    for country in countries.values():
        if country.wkb is None:
            continue
        colour = _MENDED if country.mended else _CUT if country.cut else _LAND
        for part in shapely.get_parts(shapely.from_wkb(country.wkb)).tolist():
            shell, *holes = shapely.get_rings(part)
            _fill(pen, shell, colour)
            for hole in holes:
                _fill(pen, hole, _SEA)
    small = image.resize((360 * _SCALE, 180 * _SCALE), Image.Resampling.BOX)
    stream = io.BytesIO()
    small.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _fill(pen: ImageDraw.ImageDraw, ring: shapely.Geometry, colour: tuple[int, int, int]) -> None:
    xy = (shapely.get_coordinates(ring) * (1, -1) + (180.0, 90.0)) * _DRAWN
    pixels = np.rint(xy).astype(np.int64)
    changed = np.append(True, np.abs(np.diff(pixels, axis=0)).any(axis=1))
    pixels = pixels[changed]
    if len(pixels) > 2:
        pen.polygon(pixels.ravel().tolist(), fill=colour, outline=_EDGE)
    else:
        pen.point(pixels.ravel().tolist(), fill=colour)
