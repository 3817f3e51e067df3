"""Faults of the machine: retries, and one error that names what failed and what to check.

Bad data is never retried. Reads and writes that the machine refused are tried `IO_TRIES` times in
all (contract §6).
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import TypeVar

from segment1b_assets.contracts.errors import Segment1BError

R = TypeVar("R")

#: Tries of an operation that the machine fails.
IO_TRIES = 3
_PAUSE_SECONDS = 0.05

_FULL = "free space on the data root's disk (or raise the quota) and re-run"
_REFUSED = "let the user that runs this write below the data root, and re-run"
_NEXT_STEP = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: "mount the data root for writing and re-run",
    errno.EACCES: _REFUSED,
    errno.EPERM: _REFUSED,
    errno.ENOLCK: "this file system has no file locks, which runs need to work side by side: "
    "start its lock service, or put the data root on one that has flock",
    errno.EMFILE: "raise the limit of open files (ulimit -n) to 256 or more and re-run",
}


def io_error(
    err: OSError, what: str, country: str | None = None, tries: int = IO_TRIES
) -> Segment1BError:
    """The error for `what` ("tile_index", "the validation bundle") after its last try.

    E_INPUT_MISSING for a file that is not there, E_IO for everything else.
    """
    often = f", {tries} times" if tries > 1 else ""
    return Segment1BError(
        "E_INPUT_MISSING" if isinstance(err, FileNotFoundError) else "E_IO",
        f"{what} could not be read or written{often} ({type(err).__name__}: {err})",
        country=country,
        file=err.filename,
        next_step=_NEXT_STEP.get(err.errno or 0),
    )


def pause(tries_left: int) -> None:
    """Wait a little before the next try, longer each time."""
    time.sleep(_PAUSE_SECONDS * (IO_TRIES - tries_left))


def with_retries(what: str, work: Callable[[], R]) -> R:
    """``work()``, retried where the machine fails it.

    Raises:
        Segment1BError: `io_error` after the last try; other exceptions of `work` are not retried.
    """
    for tries_left in reversed(range(IO_TRIES)):
        try:
            return work()
        except OSError as err:
            if tries_left == 0:
                raise io_error(err, what) from err
            pause(tries_left)
    raise AssertionError("unreachable")
