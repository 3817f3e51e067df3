"""Waiting by looking: a loaded machine is slow, and only a hang should fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
WAIT_SECONDS = 300.0


def until(
    what: str, look: Callable[[], T], good: Callable[[T], bool], patience: float = WAIT_SECONDS
) -> T:
    """Look until what is seen is good.

    Raises:
        TimeoutError: it is not, after `patience` seconds.
    """
    end = time.monotonic() + patience
    while True:
        seen = look()
        if good(seen):
            return seen
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: still {seen!r} after {patience:.0f} s")
        time.sleep(0.5)
