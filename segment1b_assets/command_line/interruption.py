"""Ctrl-C and SIGTERM: a command stops where it can, says so, and exits with 128 + the signal."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_ASKED = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """The process was asked to end; no `Exception`, so that no handler of faults takes it.

    Attributes:
        signal: SIGINT or SIGTERM.
    """

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)

    @property
    def exit_status(self) -> int:
        """As a shell reports it: 130 or 143."""
        return 128 + self.signal


def raise_when_asked_to_end() -> None:
    """Raise `Interrupted` where a signal comes; a signal that is ignored stays ignored.

    A second signal ends the process at once: the first may wait for countries under way.
    """
    handler = _Handler()
    for number in _ASKED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


class _Handler:
    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            os._exit(128 + number)
        self.asked = True
        raise Interrupted(number)


class Signals:
    """The signals that came while they were noted."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    @property
    def interruption(self) -> Interrupted | None:
        """The first that asked to end."""
        asked = [n for n in self.numbers if n in _ASKED]
        return Interrupted(asked[0]) if asked else None


@contextlib.contextmanager
def noted_signals() -> Iterator[Signals]:
    """Note which signals come in the block, whoever handles them.

    Dagster handles both during a run, and does not say which it was. Python writes the number of
    every signal to the wake-up descriptor before any handler runs.
    """
    noted = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield noted
    finally:
        signal.set_wakeup_fd(before)
        with contextlib.suppress(BlockingIOError):
            noted.numbers += os.read(reader, 4096)
        os.close(reader)
        os.close(writer)
