"""Masses of a large country in a compressed temporary file (contract §§4 and 7, S2).

The contract lets S2 read 1.25 times a raster's bytes and use 2 GiB of temporary disk a worker, so
masses that several passes need are kept there. The file has no name: however the process ends, the
kernel frees its disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.storage.data_root import DataRoot

Masses = NDArray[Any]

#: The contract's temporary disk of a worker.
SPILL_BYTES: Final = 2 << 30


class SpilledMasses:
    """A store of masses for ``core.weights.tile_weights``, of one country and thread.

    Bytes of equal significance are put together before they are compressed: a float's exponents
    repeat where its mantissas do not.

    Args:
        root: the data root, in whose staging the file lies.
        dtype: of the masses.
        most_bytes: the most bytes of disk to take.

    Raises:
        OSError: from ``keep`` and ``kept``, where the disk is full or fails.
    """

    def __init__(self, root: DataRoot, dtype: np.dtype[Any], most_bytes: int = SPILL_BYTES) -> None:
        self._root, self._dtype, self._most = root, dtype, most_bytes
        self._codec = pa.Codec("zstd", compression_level=1)
        self._file: IO[bytes] | None = None
        #: Masses and compressed bytes of each array.
        self._parts: list[tuple[int, int]] = []
        self.bytes_on_disk = 0

    def keep(self, masses: Masses) -> bool:
        """Keep masses of shape (k,) after those before; False, and nothing is kept, where full."""
        if masses.size == 0:
            return True
        planes = np.ascontiguousarray(masses).view(np.uint8).reshape(-1, self._dtype.itemsize).T
        packed = self._codec.compress(np.ascontiguousarray(planes), asbytes=True)
        if self.bytes_on_disk + len(packed) > self._most:
            return False
        if self._file is None:
            # The area goes as soon as the file is open; the file stays until it is closed.
            with self._root.staging_area() as folder:
                self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._file.write(packed)
        self._parts.append((masses.size, len(packed)))
        self.bytes_on_disk += len(packed)
        return True

    def kept(self) -> Iterator[Masses]:
        """What is kept, in order, an array for each that was; starts a new pass."""
        if self._file is None:
            return
        place = 0
        for count, size in self._parts:
            # Another pass may have moved the file's position in between.
            self._file.seek(place)
            packed = self._file.read(size)
            place += size
            if len(packed) != size:
                raise OSError("a temporary file of masses ended early")
            raw = self._codec.decompress(packed, count * self._dtype.itemsize)
            planes = np.frombuffer(raw, np.uint8).reshape(self._dtype.itemsize, count)
            yield np.ascontiguousarray(planes.T).reshape(-1).view(self._dtype)

    def close(self) -> None:
        """Free the disk."""
        if self._file is not None:
            self._file.close()
        self._file, self._parts = None, []
