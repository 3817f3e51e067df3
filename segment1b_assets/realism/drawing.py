"""How the scorecard's pictures look: figures without global state, colours that all can discern.

The colours are Okabe and Ito's, and lightness or shape says the same again.
"""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from segment1b_assets.realism.outlines import Outlines

SEEN: Final = "#0072B2"
DRAWN: Final = "#8C96A0"
BAND: Final = "#D5DADF"
PUBLISHED: Final = "#D55E00"
INK: Final = "#20262E"
FAINT: Final = "#707A86"
LAND: Final = "#EDF0F3"
COAST: Final = "#B4BDC6"
_DPI: Final = 110


def figure(width: float, height: float, margins: tuple[float, float, float, float]) -> Figure:
    """An empty figure of so many inches, with its own canvas.

    Args:
        margins: left, bottom, right and top in inches. Having them measured takes half the time.
    """
    made = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    left, bottom, right, top = margins
    made.subplots_adjust(
        left / width, bottom / height, 1.0 - right / width, 1.0 - top / height, 0.35, 0.25
    )
    FigureCanvasAgg(made)
    return made


def dress(axes: Axes, title: str, across: str, up: str) -> None:
    """Title, axis labels and a quiet frame."""
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel(across, fontsize=8.5, color=INK)
    axes.set_ylabel(up, fontsize=8.5, color=INK)
    axes.tick_params(labelsize=8, colors=FAINT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(COAST)


def legend(axes: Axes, **place: Any) -> None:
    axes.legend(fontsize=8, frameon=False, labelcolor=INK, **place)


def draw_land(axes: Axes, rings: Outlines, shift: float = 0.0) -> None:
    """Fill outlines; `shift` degrees are added to longitudes that are negative."""
    for parts in rings.values():
        for part in parts:
            lon = part[:, 0] / 100.0
            lon = np.where(lon < 0, lon + shift, lon)
            axes.fill(lon, part[:, 1] / 100.0, facecolor=LAND, edgecolor=COAST, linewidth=0.4)


def png(made: Figure, colours: int = 64) -> bytes:
    """PNG of a figure, with few colours and nothing in it but pixels."""
    raw = io.BytesIO()
    made.savefig(raw, format="png", metadata={"Software": None})
    raw.seek(0)
    image = Image.open(raw).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
