"""The code location, whose runs publish some files and then wait for a signal.

A run takes seconds, so a cancel that is sent while files appear could come after its end. This run
cannot end before. Only the threads that publish wait: the main thread holds the history's lock.
"""

import contextlib
import os
import select
import signal
import sys
from typing import Any

from segment1b_assets.definitions import definitions  # noqa: F401
from segment1b_assets_tests.faults.nursery import PATIENCE

#: The variable with the number of files.
FILES = "SEGMENT1B_TEST_FILES_BEFORE_SIGNAL"


def _publish_then_wait(files: int) -> None:
    arrived, wake = os.pipe()
    os.set_blocking(wake, False)
    # The code server, too, loads this module, in another thread. It publishes nothing.
    with contextlib.suppress(ValueError):
        signal.set_wakeup_fd(wake)
    left = files

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in ("os.rename", "os.link"):
            return
        target = os.fspath(arguments[1])
        if "/layer1/1B/" in target and "/reports/" not in target:
            left -= 1
            # The byte that the signal leaves stays in the pipe: everybody goes on.
            if left < 0 and not select.select([arrived], [], [], PATIENCE)[0]:
                raise AssertionError("no signal came")

    sys.addaudithook(hook)


if FILES in os.environ:
    _publish_then_wait(int(os.environ[FILES]))
