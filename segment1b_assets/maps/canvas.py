"""The paper around a map: title, degrees along the edges, colour bar and kilometre bar."""

from __future__ import annotations

import io
import math
import unicodedata

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from segment1b_assets.maps.frame import BORDER, Frame
from segment1b_assets.maps.palette import ABROAD, FAINT, INK, LAND, PAPER
from segment1b_assets.maps.scales import Scale, number, round_step

LEFT, RIGHT, TOP, BOTTOM = 46, 16, 40, 66
LEAST_PLOT_WIDTH = 330
BAR_WIDTH, BAR_HEIGHT = 170, 9
KM_PER_DEGREE = 111.32

Pixels = NDArray[np.uint8]


def plain(text: str) -> str:
    """Text in the letters that Pillow's own font has: accents are dropped."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(c for c in letters if " " <= c <= "~" or c == "°")


def paint(
    frame: Frame, pixels: Pixels, title: str, subtitle: str, scale: Scale | None, zero: str = ""
) -> bytes:
    """The finished map as PNG bytes.

    Args:
        pixels: uint8, shape (frame.height, frame.width, 3).
        zero: what the grey of places without a number means, for the key; empty for none.
    """
    plot_width, plot_height = frame.width + 2 * BORDER, frame.height + 2 * BORDER
    room = max(plot_width, LEAST_PLOT_WIDTH)
    image = Image.new("RGB", (LEFT + room + RIGHT, TOP + plot_height + BOTTOM), PAPER)
    draw = ImageDraw.Draw(image)
    left = LEFT + (room - plot_width) // 2
    plot = (left, TOP, left + plot_width - 1, TOP + plot_height - 1)
    draw.rectangle(plot, fill=ABROAD)
    image.paste(Image.fromarray(pixels), (left + BORDER, TOP + BORDER))
    _titles(draw, title, subtitle)
    _degrees(draw, frame, left)
    draw.rectangle(plot, outline=FAINT)
    foot = TOP + plot_height + 22
    if scale is not None:
        _colour_bar(image, draw, scale, foot, zero)
    _kilometres(draw, frame, LEFT + room, foot)
    return _png(image)


def notice(title: str, subtitle: str) -> bytes:
    """A picture that says only why there is no map."""
    image = Image.new("RGB", (LEFT + LEAST_PLOT_WIDTH + RIGHT, TOP + 20), PAPER)
    _titles(ImageDraw.Draw(image), title, subtitle)
    return _png(image)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _titles(draw: ImageDraw.ImageDraw, title: str, subtitle: str) -> None:
    draw.text((LEFT, 5), plain(title), INK, _font(14))
    draw.text((LEFT, 22), plain(subtitle), FAINT, _font(11))


def _degrees(draw: ImageDraw.ImageDraw, frame: Frame, left: int) -> None:
    """Marks with degrees along the left and the lower edge."""
    font = _font(11)
    bottom = TOP + frame.height + 2 * BORDER
    step = round_step(frame.degrees_high, 4)
    for mark in _marks(frame.north - frame.degrees_high, frame.north, step):
        y = TOP + BORDER + (frame.north - mark) / frame.degrees_high * frame.height
        draw.line((left - 4, y, left, y), FAINT)
        draw.text((left - 6, y), _degree(mark, step, "N", "S"), FAINT, font, anchor="rm")
    per_degree = frame.width / frame.degrees_wide
    step = round_step(frame.degrees_wide, max(1, min(5, frame.width // 60)))
    for mark in _marks(frame.west, frame.west + frame.degrees_wide, step):
        x = left + BORDER + (mark - frame.west) * per_degree
        draw.line((x, bottom, x, bottom + 3), FAINT)
        turned = (mark + 180.0) % 360.0 - 180.0
        draw.text((x, bottom + 5), _degree(turned, step, "E", "W"), FAINT, font, anchor="mt")


def _marks(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _degree(value: float, step: float, positive: str, negative: str) -> str:
    digits = max(0, -math.floor(math.log10(step)))
    text = f"{abs(value):.{digits}f}"
    side = "" if float(text) in (0.0, 180.0) else positive if value > 0 else negative
    return f"{text}°{side}"


def _colour_bar(
    image: Image.Image, draw: ImageDraw.ImageDraw, scale: Scale, top: int, zero: str
) -> None:
    font = _font(11)
    draw.text((LEFT, top), plain(scale.caption), INK, font)
    y = top + 15
    single = scale.high <= scale.low
    shares = np.ones(BAR_HEIGHT) if single else np.linspace(0.0, 1.0, BAR_WIDTH)
    colours = scale.colours_of_shares(shares)
    strip = np.ascontiguousarray(np.broadcast_to(colours, (BAR_HEIGHT, *colours.shape)))
    image.paste(Image.fromarray(strip), (LEFT, y))
    last = strip.shape[1] - 1
    for share, text in scale.ticks:
        x = LEFT + share * last
        draw.line((x, y + BAR_HEIGHT, x, y + BAR_HEIGHT + 2), FAINT)
        draw.text((x, y + BAR_HEIGHT + 4), text, FAINT, font, anchor="mt")
    if zero:
        x = LEFT + BAR_WIDTH + 18
        draw.rectangle((x, y, x + BAR_HEIGHT, y + BAR_HEIGHT - 1), fill=LAND)
        draw.text((x + BAR_HEIGHT + 4, y - 1), plain(zero), FAINT, font)


def _kilometres(draw: ImageDraw.ImageDraw, frame: Frame, right: int, top: int) -> None:
    """A bar of a round number of kilometres, true at the middle latitude."""
    cosine = max(0.02, math.cos(math.radians(frame.middle_latitude)))
    km_per_pixel = frame.degrees_wide * KM_PER_DEGREE * cosine / frame.width
    km = round_step(90 * km_per_pixel, 2)
    length = round(km / km_per_pixel)
    y = top + 19
    draw.line((right - length, y, right, y), INK)
    for x in (right - length, right):
        draw.line((x, y - 3, x, y + 3), INK)
    draw.text((right, top), f"{number(km)} km", INK, _font(11), anchor="ra")
    around = _degree(round(frame.middle_latitude), 1, "N", "S")
    draw.text((right, y + 9), f"at {around}", FAINT, _font(11), anchor="rt")
