"""What may be read as an input: a regular file, found by its path.

A named pipe would keep its reader waiting for ever and a device would never end, so what lies at
an input's path is looked at before it is opened.
"""

from __future__ import annotations

import stat
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError


def require_file(path: Path, *, missing: str, unreadable: str, what: str = "the file") -> None:
    """Raise unless a regular file lies at `path`, be it by way of links.

    Args:
        missing: the error code where nothing is there.
        unreadable: the error code where something else is there, or the path cannot be followed.
        what: the file's name in a message.

    Raises:
        Segment1BError: one of the two codes.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise Segment1BError(missing, f"{what} is not there", file=path) from None
    except (OSError, ValueError) as err:
        raise Segment1BError(unreadable, f"{what} cannot be reached: {err}", file=path) from err
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise Segment1BError(unreadable, f"{what} is {kind}", file=path)
