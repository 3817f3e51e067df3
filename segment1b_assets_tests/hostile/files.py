"""Damage that any file can suffer, whatever its format."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from segment1b_assets_tests.hostile.laboratory import truncate

Damage = Callable[[Path], object]


def missing(path: Path) -> None:
    path.unlink()


def zero_bytes(path: Path) -> None:
    path.write_bytes(b"")


def plain_text(path: Path) -> None:
    path.write_text("this is no data file\n" * 50, "utf-8")


def random_bytes(path: Path) -> None:
    path.write_bytes(bytes((i * 7919 + (i >> 3)) & 255 for i in range(4096)))


def half(path: Path) -> None:
    truncate(path, 0.5)


def last_byte_gone(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    """A named pipe that nobody writes to: whoever opens it to read waits for ever."""
    path.unlink()
    os.mkfifo(path)


def a_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def endless(path: Path) -> None:
    """A link to a device that never ends."""
    path.unlink()
    path.symlink_to("/dev/zero")


#: Name -> what happens to the file; every one leaves something that cannot be read.
UNREADABLE: dict[str, Damage] = {
    "zero bytes": zero_bytes,
    "plain text": plain_text,
    "random bytes": random_bytes,
    "cut in half": half,
    "last byte gone": last_byte_gone,
    "a folder": a_folder,
    "a pipe": a_pipe,
    "a link to itself": a_loop,
    "an endless device": endless,
}
