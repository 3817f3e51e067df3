"""Masses of a large country in a compressed temporary file (contract §4, S2, and §7).

The contract lets S2 read 1.25 times a raster's bytes and use 2 GiB of temporary disk a worker, so
masses that several passes need are kept there. The file has no name, so the kernel frees its disk
when the process ends in any way.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.read_ahead import read_ahead

Masses = NDArray[Any]

#: The contract's temporary disk of a worker.
SPILL_BYTES: Final = 2 << 30
#: Compressed masses that are held in memory once that is full.
OVERFLOW_BYTES: Final = 256 << 20


class SpilledMasses:
    """A store of masses for ``core.weights.tile_weights``, of one country and thread.

    Halves of equal significance are put together before they are compressed: a float32's upper
    half repeats where its lower one does not. Single bytes compress a twelfth better, and cost
    twice as much.

    Args:
        root: the data root, in whose staging the file lies.
        dtype: of the masses.
        disk_bytes: the most bytes of disk to take.
        memory_bytes: the most bytes of memory to take when the disk's are used.

    Attributes:
        bytes_on_disk, bytes_in_memory: bytes in use.

    Raises:
        OSError: from ``keep`` and ``kept``, where the disk is full or fails.
    """

    def __init__(
        self,
        root: DataRoot,
        dtype: np.dtype[Any],
        disk_bytes: int = SPILL_BYTES,
        memory_bytes: int = OVERFLOW_BYTES,
    ) -> None:
        self._root, self._dtype = root, dtype
        self._disk_bytes, self._memory_bytes = disk_bytes, memory_bytes
        self._word = np.dtype(np.uint8 if dtype.itemsize == 1 else np.uint16)
        self._words = dtype.itemsize // self._word.itemsize
        self._codec = pa.Codec("zstd", compression_level=1)
        self._file: IO[bytes] | None = None
        # Masses of each array, and its compressed bytes or, on disk, how many they are.
        self._parts: list[tuple[int, bytes | int]] = []
        self.bytes_on_disk = self.bytes_in_memory = 0

    def keep(self, masses: Masses) -> bool:
        """Append masses of shape (k,); False, and nothing appended, where full."""
        if masses.size == 0:
            return True
        planes = np.ascontiguousarray(masses).view(self._word).reshape(-1, self._words).T
        packed: bytes = self._codec.compress(np.ascontiguousarray(planes), asbytes=True)
        if self.bytes_on_disk + len(packed) <= self._disk_bytes:
            self._write(packed)
            self._parts.append((masses.size, len(packed)))
            self.bytes_on_disk += len(packed)
            return True
        if self.bytes_in_memory + len(packed) <= self._memory_bytes:
            self._parts.append((masses.size, packed))
            self.bytes_in_memory += len(packed)
            return True
        return False

    def kept(self) -> Iterator[Masses]:
        """Start a new pass over the kept arrays, in order."""
        if self._file is not None:
            self._file.flush()
        return read_ahead(self._kept())

    def _kept(self) -> Generator[Masses, None, None]:
        place = 0
        for count, held in self._parts:
            if isinstance(held, int):
                packed = self._read(place, held)
                place += held
            else:
                packed = held
            raw = self._codec.decompress(packed, count * self._dtype.itemsize)
            planes = np.frombuffer(raw, self._word).reshape(self._words, count)
            masses = np.empty((count, self._words), self._word)
            for at, plane in enumerate(planes):
                masses[:, at] = plane
            yield masses.reshape(-1).view(self._dtype)

    def close(self) -> None:
        """Free disk and memory; nothing is kept any more."""
        if self._file is not None:
            self._file.close()
        self._file, self._parts = None, []

    def _write(self, packed: bytes) -> None:
        if self._file is None:
            # The area is removed as soon as the file is open; the file stays until it is closed.
            with self._root.staging_area() as folder:
                self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._file.write(packed)

    def _read(self, place: int, size: int) -> bytes:
        assert self._file is not None
        # Not by the file's position: another pass on another thread may move it.
        packed = os.pread(self._file.fileno(), size, place)
        if len(packed) != size:
            raise OSError("a temporary file of masses ended early")
        return packed
