"""Inputs are regular files: a pipe would block its reader and a device would never end, so the
path is checked before the file is opened.
"""

from __future__ import annotations

import stat
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError


def require_file(
    path: Path,
    *,
    missing: str,
    unreadable: str,
    what: str = "the file",
    next_step: str | None = None,
) -> None:
    """Raise unless `path` is a regular file, or a link to one.

    Args:
        missing: the error code where nothing is there.
        unreadable: the error code for anything else, or a path that cannot be resolved.
        what: the file's name in a message.
        next_step: what to do; the code's own where it is None.

    Raises:
        Segment1BError: one of the two codes.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise Segment1BError(
            missing, f"{what} is not there", file=path, next_step=next_step
        ) from None
    except (OSError, ValueError) as err:
        raise Segment1BError(
            unreadable, f"{what} cannot be reached: {err}", file=path, next_step=next_step
        ) from err
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise Segment1BError(unreadable, f"{what} is {kind}", file=path, next_step=next_step)
