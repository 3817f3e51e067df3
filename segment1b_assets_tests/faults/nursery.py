"""Where runs are born: a process that has imported everything and forks one child a request.

A run so begins at once instead of after some seconds of imports. The nursery itself starts no
thread, so forking is safe; each child leads a process group of its own, which can be killed whole.
It ends when its standard input does, which happens however the test session ends, and
its children end with it.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segment1b_assets_tests.child_processes import end, start

#: Seconds after which something hangs; a busy machine is slow, so this is generous.
PATIENCE = 600.0
_IMPORTS = (
    "segment1b_assets.command_line.dagster_run",
    "segment1b_assets.validation.world_findings",
    "segment1b_assets_tests.faults.runs",
    "dagster._core.storage.sqlite_storage",
    "rasterio._env",
    "PIL.PngImagePlugin",
)


_DIE_WITH_THE_PARENT = 1


@dataclass
class Child:
    """A process that the nursery forked.

    Attributes:
        pid: its id, and its process group's.
        output: the file that has its standard output and error.
    """

    nursery: Nursery
    pid: int
    output: Path

    def status(self) -> int | None:
        """None while it lives; then its exit status, or minus the signal that ended it."""
        self.nursery.listen()
        return self.nursery.ended.get(self.pid)

    def end(self) -> int:
        """Wait for its end; the exit status."""
        until = time.monotonic() + PATIENCE
        while (status := self.status()) is None:
            if time.monotonic() > until:
                self.kill_group()
                raise AssertionError(f"process {self.pid} did not end in {PATIENCE:.0f} s")
            time.sleep(0.005)
        return status

    def send(self, number: int) -> None:
        """A signal to this process alone."""
        if self.status() is None:
            os.kill(self.pid, number)

    def kill_group(self) -> None:
        """kill -9 of the process and everything that it started."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


@dataclass
class Nursery:
    """The client's side."""

    process: subprocess.Popen[bytes]
    ended: dict[int, int] = field(default_factory=dict)
    born: list[int] = field(default_factory=list)
    _rest: bytes = b""

    @classmethod
    def open(cls) -> Nursery:
        return cls(
            start(
                sys.executable,
                "-W",
                "ignore",
                "-m",
                __name__,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=Path(__file__).resolve().parents[2],
            )
        )

    def bear(
        self, function: str, arguments: Mapping[str, Any], output: Path, **environment: str
    ) -> Child:
        """Fork a child that calls ``module:function`` with keyword arguments."""
        assert self.process.stdin is not None
        request = {
            "function": function,
            "arguments": dict(arguments),
            "environment": environment,
            "output": str(output),
        }
        known = len(self.born)
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        until = time.monotonic() + PATIENCE
        while len(self.born) == known:
            if time.monotonic() > until or self.process.poll() is not None:
                raise AssertionError("the nursery does not answer")
            self.listen(0.05)
        return Child(self, self.born[-1], output)

    def listen(self, seconds: float = 0.0) -> None:
        """Take note of births and ends that the nursery has told."""
        assert self.process.stdout is not None
        while select.select([self.process.stdout], [], [], seconds)[0]:
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                return
            *lines, self._rest = (self._rest + got).split(b"\n")
            for line in lines:
                word, pid, status = line.split()
                if word == b"born":
                    self.born.append(int(pid))
                else:
                    self.ended[int(pid)] = int(status)
            seconds = 0.0

    def close(self) -> None:
        """End it and every child that still lives."""
        self.listen()
        for pid in set(self.born) - set(self.ended):
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        assert self.process.stdin is not None
        self.process.stdin.close()
        end(self.process)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _serve() -> None:
    for name in _IMPORTS:
        importlib.import_module(name)
    requests, alive = b"", True
    while alive:
        if select.select([0], [], [], 0.01)[0]:
            got = os.read(0, 65536)
            alive = bool(got)
            *lines, requests = (requests + got).split(b"\n")
            for line in lines:
                _tell(f"born {_fork(json.loads(line))} 0")
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            _tell(f"ended {pid} {os.waitstatus_to_exitcode(status)}")


def _tell(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def _fork(request: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_DIE_WITH_THE_PARENT, signal.SIGKILL)
        output = os.open(request["output"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, target)
        os.environ.update(request["environment"])
        module, _, name = request["function"].partition(":")
        status = int(getattr(importlib.import_module(module), name)(**request["arguments"]) or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
