"""Waiting for a condition: a loaded machine is slow, and only a hang should fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
#: Seconds after which something hangs.
PATIENCE = 240.0


def wait_for(
    what: str, probe: Callable[[], T | None], patience: float = PATIENCE, pause: float = 0.25
) -> T:
    """Ask until there is an answer other than None.

    Raises:
        AssertionError: there is none after `patience` seconds; the message names what was awaited.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        answer = probe()
        if answer is not None:
            return answer
        time.sleep(pause)
    raise AssertionError(f"waited {patience:.0f} s in vain for {what}")
