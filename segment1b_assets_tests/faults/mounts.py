"""Small file systems of their own, mounted for a test; skips where that is not allowed."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextlib.contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A tmpfs of this size ("2m")."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    try:
        yield place
    finally:
        _unmount(place)


def enlarge(place: Path, size: str) -> None:
    """Let somebody free space on a full disk."""
    _mount("-o", f"remount,size={size}", str(place))


def fill(ballast: Path) -> None:
    """Write a file until its disk is full to the last page."""
    with ballast.open("wb", buffering=0) as sink:
        for size in (1 << 20, 4096):
            with contextlib.suppress(OSError):
                while sink.write(b"\0" * size):
                    pass


@contextlib.contextmanager
def read_only(place: Path) -> Iterator[Path]:
    """The folder as it is, but nobody may write to it, root neither."""
    if os.geteuid() != 0:
        pytest.skip("a read-only mount needs root")
    place.mkdir(parents=True, exist_ok=True)
    _mount("--bind", str(place), str(place))
    try:
        _mount("-o", "remount,bind,ro", str(place))
        yield place
    finally:
        _unmount(place)
