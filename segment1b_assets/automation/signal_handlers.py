"""The signal handlers of a process that outlives a Dagster run."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_HANDLED = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def preserved_signal_handlers() -> Iterator[None]:
    """Restore the handlers of SIGINT and SIGTERM when the block ends.

    During a run Dagster takes both signals. When the run ends, ``capture_interrupts`` assigns the
    handler that SIGINT had before to SIGTERM as well. Where SIGINT is ignored (a background job of
    a shell script, a process of celery's pool), the process would ignore SIGTERM from then on, and
    so would every process that it starts.

    Python sets handlers in the main thread only, and so does Dagster: elsewhere nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _HANDLED}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: a library installed it without Python, which cannot install it again.
            if handler is not None:
                signal.signal(number, handler)
