"""Open-interval uniforms from Philox words (contract §5)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.philox import U64

_BELOW_ONE: Final = 1.0 - 2.0**-53
_SCALE: Final = 2.0**-64
_ONE = np.uint64(1)


def uniform(word: U64) -> NDArray[np.float64]:
    """float64(x + 1) * 2^-64, rounded to nearest even; 1.0 becomes 1 - 2^-53.

    Args:
        word: uint64 (n,).

    Returns:
        float64 (n,), each strictly between 0 and 1.
    """
    # x + 1 is formed in integers, before the one rounding; numpy's uint64 to float64 conversion
    # is correctly rounded, and scaling by a power of two is exact.
    u: NDArray[np.float64] = (word + _ONE).astype(np.float64)
    u *= _SCALE
    # x = 2^64 - 1 wraps to 0, the only way to get a zero here.
    u[u == 0.0] = _BELOW_ONE
    np.minimum(u, _BELOW_ONE, out=u)
    return u
