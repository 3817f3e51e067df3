"""Imports without the garbage collector.

Dagster and what it needs make a million objects that stay. The collector would look at them again
and again while they are made, and in the run afterwards: a second of a run over a small country.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Make what the collector will leave alone: modules, classes, definitions."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
