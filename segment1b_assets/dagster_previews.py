"""Dagster's beta and preview interfaces that we rely on, without a warning at every start."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import dagster as dg


@contextlib.contextmanager
def accept_preview_apis() -> Iterator[None]:
    """Silence Dagster's notice about interfaces that may change: its version is pinned and tested.

    Checks by partition are a preview in 1.13, observable source assets a beta.
    """
    with warnings.catch_warnings():
        for stage in (dg.BetaWarning, dg.PreviewWarning):
            warnings.filterwarnings("ignore", category=stage)
        yield
