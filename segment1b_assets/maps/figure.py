"""Draws a map with matplotlib's Agg: degrees, graticule, colour bar, legend, scale bar.

matplotlib caches fonts and text layouts without locks, so one thread draws at a time. The import
takes a second and happens with the first map.
"""

from __future__ import annotations

import io
import math
import threading
from dataclasses import dataclass
from functools import cache, partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.maps.marks import decades, degree, degree_marks, number

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.cm import ScalarMappable

Floats = NDArray[np.float64]
#: A degree of latitude, in kilometres.
KM_PER_DEGREE = 111.32
#: A logarithmic scale shows this many powers of ten below the largest number.
DECADES = 6
DPI = 100
#: Pixels around the plot, and its least width, which the titles and the legend need.
LEFT, RIGHT, TOP, BOTTOM, LEAST_WIDTH = 50, 18, 42, 72, 350
SEA, LAND, OUTLINE, INK, FAINT = "#e8edf2", "#c3cad1", "#4a525c", "#20262e", "#5d6670"
#: Left edge and length of the colour bar, and the height of its lower edge, in pixels.
BAR_LEFT, BAR_WIDTH, BAR_FOOT = LEFT, 170, 30
#: 64 steps leave room for the greys of the text among a PNG's 256 colours.
STEPS = 64
_drawing = threading.Lock()


@dataclass(frozen=True)
class Extent:
    """The edges of a plot in degrees; east may exceed 180."""

    west: float
    east: float
    south: float
    north: float

    @property
    def longitudes(self) -> tuple[float, float]:
        return self.west, self.east

    @property
    def latitudes(self) -> tuple[float, float]:
        return self.south, self.north

    @property
    def middle(self) -> float:
        return (self.south + self.north) / 2


@dataclass(frozen=True)
class Layer:
    """What a map shows.

    Attributes:
        values: float64, shape (height, width), one a pixel; pixels of 0 have no colour.
        land: bool, the same shape; pixels of the country, which are grey where the value is 0.
        caption: what the colours measure, with its unit.
        colormap: matplotlib's name of it.
        log: whether the scale is logarithmic; a linear one goes from 0 to 1.
        zero: what grey means, for the legend; empty where nothing is grey.
    """

    values: Floats
    land: NDArray[np.bool_]
    caption: str
    colormap: str
    log: bool
    zero: str = ""


def draw_map(layer: Layer, extent: Extent, title: str, subtitle: str, outlines: Any = ()) -> bytes:
    """PNG of a map, a pixel of the plot for each value, with at most 256 colours.

    Args:
        outlines: lines in degrees, each float64 of shape (points, 2). Without any, the land's
            own edge is drawn.
    """
    with _drawing:
        return _sheet().draw(layer, extent, title, subtitle, outlines)


def draw_notice(title: str, subtitle: str) -> bytes:
    """A picture that says only why there is no map."""
    nothing = np.zeros((1, LEAST_WIDTH))
    with _drawing:
        return _sheet().draw(
            Layer(nothing, nothing > 0, "", "viridis", True), None, title, subtitle
        )


@cache
def _sheet() -> _Sheet:
    return _Sheet()


class _Sheet:
    """One figure for all maps: to make its axes anew takes longer than to draw them.

    `draw` sets all that differs between maps, so no map depends on the one before it.
    """

    def __init__(self) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D
        from matplotlib.patches import Rectangle

        self.figure = Figure(dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_axes((0, 0, 1, 1), facecolor="none")
        self.image, self.gradient = pixels_artist()(), pixels_artist()()
        for pixels in (self.image, self.gradient):
            self.figure.add_artist(pixels)
        self.lines = LineCollection([], colors=OUTLINE, linewidths=0.4)
        self.axes.add_collection(self.lines, autolim=False)
        style: dict[str, Any] = {"labelsize": 6.5, "color": FAINT, "labelcolor": FAINT}
        self.axes.tick_params(length=3, pad=2, **style)
        self.axes.grid(color="#000000", alpha=0.14, linewidth=0.5)
        for spine in self.axes.spines.values():
            spine.set(color=FAINT, linewidth=0.6)
        text = partial(self.figure.text, 0, 0, "", parse_math=False, fontsize=7)
        self.title = text(color=INK, fontsize=9)
        self.subtitle, self.zero, self.km = text(color=FAINT), text(color=FAINT), text(color=INK)
        self.caption = text(color=INK)
        self.km.set_horizontalalignment("right")
        self.marks = [text(color=FAINT, ha="center", va="top") for _ in range(5)]
        self.grey = self.figure.add_artist(Rectangle((0, 0), 1, 1, color=LAND))
        self.km_bar = Line2D((0, 1), (0, 0), color=INK, linewidth=1, marker="|")
        self.figure.add_artist(self.km_bar)

    def draw(
        self, layer: Layer, extent: Extent | None, title: str, subtitle: str, outlines: Any = ()
    ) -> bytes:
        height, width = layer.values.shape
        across = LEFT + max(width, LEAST_WIDTH) + RIGHT
        down = TOP + height + (BOTTOM if extent else 0)
        self.figure.set_size_inches(across / DPI, down / DPI)
        size = np.array([across, down], dtype=np.float64)
        self.title.set(text=title, position=(LEFT, down - 18) / size)
        self.subtitle.set(text=subtitle, position=(LEFT, down - 33) / size)
        image, scale = _coloured(layer, edge=len(outlines) == 0)
        parts: tuple[tuple[bool, tuple[Artist, ...]], ...] = (
            (extent is not None, (self.axes, self.image, self.km, self.km_bar)),
            (scale is not None, (self.gradient, self.caption, *self.marks)),
            (bool(layer.zero), (self.grey, self.zero)),
        )
        for visible, artists in parts:
            for artist in artists:
                artist.set_visible(visible)
        self.grey.set(xy=(LEFT + 190, BAR_FOOT) / size, width=9 / across, height=9 / down)
        self.zero.set(text=layer.zero, position=(LEFT + 203, BAR_FOOT + 1) / size)
        self.caption.set(text=layer.caption, position=(BAR_LEFT, BAR_FOOT + 13) / size)
        if extent is not None:
            left = LEFT + max(0, LEAST_WIDTH - width) // 2
            box = (left / across, BOTTOM / down, width / across, height / down)
            self.axes.set_position(box)
            self.lines.set_segments(outlines)
            self.image.place(image, left, BOTTOM)
            self.axes.set(xlim=extent.longitudes, ylim=extent.latitudes)
            for axis, room, ends, names in (
                (self.axes.xaxis, width / 75, extent.longitudes, "EW"),
                (self.axes.yaxis, height / 50, extent.latitudes, "NS"),
            ):
                marks, digits = degree_marks(*ends, most=room)
                axis.set_ticks(marks, labels=[degree(mark, names, digits) for mark in marks])
            self._scale_bar(extent, width, size)
        if scale is not None:
            steps = scale.cmap(np.linspace(0.0, 1.0, STEPS), bytes=True)
            columns = np.arange(BAR_WIDTH) * STEPS // BAR_WIDTH
            self.gradient.place(np.repeat(steps[columns][None], 9, axis=0), BAR_LEFT, BAR_FOOT)
            ends = np.array([scale.norm.vmin, scale.norm.vmax], dtype=np.float64).tolist()
            marks = decades(*ends) if layer.log else [0.0, 0.5, 1.0]
            for text, mark in zip_longest(self.marks, marks):
                share = 0.0 if mark is None else float(np.asarray(scale.norm(np.array([mark])))[0])
                text.set(position=(BAR_LEFT + share * BAR_WIDTH, BAR_FOOT - 3) / size)
                text.set_text("" if mark is None else number(mark))
        return self._png()

    def _scale_bar(self, extent: Extent, width: int, size: Floats) -> None:
        """A bar of a round number of kilometres, true at the middle latitude."""
        cosine = max(0.02, math.cos(math.radians(extent.middle)))
        per_pixel = (extent.east - extent.west) * KM_PER_DEGREE * cosine / width
        most = 80 * per_pixel
        power = 10.0 ** math.floor(math.log10(most))
        km = next(m * power for m in (5, 2, 1) if m * power <= most * (1 + 1e-9))
        right = float(size[0]) - RIGHT
        ends = np.array([right - km / per_pixel, right]) / size[0]
        self.km_bar.set_data(ends, np.full(2, (BAR_FOOT + 4) / size[1]))
        around = degree(round(extent.middle), "NS", 0)
        self.km.set(text=f"{number(km)} km at {around}", position=(right, BAR_FOOT + 13) / size)

    def _png(self) -> bytes:
        from PIL import Image

        self.canvas.draw()  # type: ignore[no-untyped-call]
        pixels = np.asarray(self.canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        pixels = pixels[:, :, :3]
        five = (pixels >> 3).astype(np.int32)
        packed = five[:, :, 0] << 10 | five[:, :, 1] << 5 | five[:, :, 2]
        used = np.flatnonzero(np.bincount(packed.ravel(), minlength=1 << 15))
        file = io.BytesIO()
        if used.size <= 256:
            # Five bits a channel: ten times as fast as a search for the best palette.
            place = np.zeros(1 << 15, np.uint8)
            place[used] = np.arange(used.size)
            picture = Image.fromarray(place[packed])
            channels = np.stack([used >> 10, used >> 5 & 31, used & 31], axis=-1)
            picture.putpalette((channels << 3 | channels >> 2).astype(np.uint8).tobytes())
        else:
            picture = Image.fromarray(np.ascontiguousarray(pixels)).quantize(256)
        picture.save(file, "PNG", compress_level=6)
        return file.getvalue()


@cache
def pixels_artist() -> type[Any]:
    """An artist that copies pixels onto the figure: imshow would resample them, which is slow."""
    from matplotlib.artist import Artist

    class Pixels(Artist):
        def place(self, pixels: NDArray[np.uint8], left: int, foot: int) -> None:
            """RGBA, shape (height, width, 4), and its lower left corner on the figure."""
            self.pixels, self.left, self.foot = np.ascontiguousarray(pixels[::-1]), left, foot

        def draw(self, renderer: Any) -> None:
            if self.get_visible():
                renderer.draw_image(renderer.new_gc(), self.left, self.foot, self.pixels)

    return Pixels


def _coloured(layer: Layer, edge: bool) -> tuple[NDArray[np.uint8], ScalarMappable | None]:
    """The pixels as RGBA, and the scale that gave the colours; None where no value is > 0."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm, Normalize, to_rgba_array

    shown = layer.values > 0
    image = np.empty((*layer.land.shape, 4), np.uint8)
    sea, land, outline = (to_rgba_array((SEA, LAND, OUTLINE)) * 255).round().astype(np.uint8)
    image[:] = sea
    image[layer.land] = land
    if edge:
        image[_shore(layer.land)] = outline
    if not shown.any():
        return image, None
    norm = Normalize(0.0, 1.0, clip=True)
    if layer.log:
        high = float(layer.values.max())
        low = max(float(layer.values[shown].min()), high / 10.0**DECADES)
        norm = LogNorm(low, high if high > low else low * 10, clip=True)
    scale = ScalarMappable(norm, colormaps[layer.colormap].resampled(STEPS))
    image[shown] = scale.to_rgba(layer.values[shown], bytes=True)
    return image, scale


def _shore(land: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels next to the land that are not land."""
    near = np.zeros_like(land)
    near[1:] |= land[:-1]
    near[:-1] |= land[1:]
    near[:, 1:] |= land[:, :-1]
    near[:, :-1] |= land[:, 1:]
    return near & ~land
