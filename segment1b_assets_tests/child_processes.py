"""Processes that tests start: default signals, a process group of their own, and a certain end.

A background job of a shell script ignores SIGINT, and every process that it starts ignores SIGINT,
too. Several servers treat SIGTERM as they treat SIGINT, and would never end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

#: Seconds a process has to end by itself after SIGTERM. Only a process that hangs needs them.
GRACE = 60.0
#: Runs the command that follows in its own place. Not `preexec_fn`: it is unsafe beside threads.
_WITH_DEFAULT_SIGNALS = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def start(*command: str | Path, log: Path | None = None, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that leads a process group; whoever starts it calls `end`.

    Args:
        log: a file for standard output and error; else `options` decide.
        options: of `subprocess.Popen`.
    """
    # -I and -S: neither the environment nor site-packages change the launcher, and it is quick.
    launcher = [sys.executable, "-I", "-S", "-c", _WITH_DEFAULT_SIGNALS, *map(str, command)]
    with contextlib.ExitStack() as stack:
        if log is not None:
            handle = stack.enter_context(log.open("wb"))
            options = {**options, "stdout": handle, "stderr": subprocess.STDOUT}
        return subprocess.Popen(launcher, start_new_session=True, **options)


def end(*processes: subprocess.Popen[bytes], grace: float = GRACE) -> None:
    """SIGTERM to each process, then, after a grace period, SIGKILL to what is left of its group.

    Returns when each process has been waited for, so that none is left behind or a zombie.
    Ending a process twice, or one that has ended, does nothing.
    """
    try:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + grace
        for process in processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        # A webserver's code servers end a moment after it.
        while any(alive_in_group(p.pid) for p in processes) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:  # also where pytest's timeout strikes
        for process in processes:
            kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> int:
    """SIGKILL to a process and to everything that it started in its group; its exit status."""
    # Where nobody of the group is left, its number may be somebody else's by now.
    if process.poll() is None or alive_in_group(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait(GRACE)


def alive_in_group(group: int) -> list[int]:
    """The processes of a group, but for zombies that their parent has not waited for yet."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


@contextlib.contextmanager
def running(
    *command: str | Path, log: Path | None = None, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for the duration of a block; arguments as of `start`."""
    process = start(*command, log=log, **options)
    try:
        yield process
    finally:
        end(process)


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
