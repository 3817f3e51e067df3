"""Colours: one ramp whose lightness rises all the way, so that hue is never needed to read it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]

#: Anchors of the ramp, dark blue to yellow, evenly spaced (the family of viridis).
_ANCHORS = np.array(
    [
        (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
        (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
    ],
    dtype=np.float64,
)  # fmt: skip
#: Few enough steps that a whole map needs fewer than 256 colours.
STEPS = 96

PAPER: RGB = (255, 255, 255)
ABROAD: RGB = (232, 237, 242)
LAND: RGB = (188, 196, 204)
INK: RGB = (32, 38, 46)
FAINT: RGB = (112, 122, 134)


def ramp(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colours of numbers from 0 (dark) to 1 (light), shape share.shape + (3,).

    Numbers outside are clipped; NaN is an error of the caller's.
    """
    step = np.rint(np.clip(share, 0.0, 1.0) * (STEPS - 1)) / (STEPS - 1)
    places = np.linspace(0.0, 1.0, len(_ANCHORS))
    channels = [np.interp(step, places, _ANCHORS[:, i]) for i in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
