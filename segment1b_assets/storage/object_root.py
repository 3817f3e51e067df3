"""A data root in an object store: the store is the truth, and a local mirror is what is read.

A reader of a path calls `ensure_local` first: it fetches what the store holds at and below the path
unless the mirror has it, and removes what the store no longer holds. So raster readers, parquet
readers and validators read local files.

What the store holds is known from listings (all countries of a dataset in one), which are used for
two seconds and dropped when a state, command or sensor begins.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from segment1b_assets.contracts.dictionary import dictionary
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage import object_publish
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.mirror import Mirror
from segment1b_assets.storage.object_store import ObjectStore, Stored
from segment1b_assets.storage.published import Published
from segment1b_assets.storage.staging import STAGING, TEMPORARY

#: Seconds for which a listing is used: the delay until this machine sees another's changes.
LISTING_SECONDS = 2.0
#: Objects that are fetched in parallel.
FETCHES = 8
_TRIES = 5
#: Folders of few objects that every state reads: one listing each.
_WHOLE = ("reference", "config", "layer1/1A", "layer1/1B/s0_gate_receipt")
_PART = re.compile(r"(.*/country=[A-Z]{2}/)part-\d+\.parquet")


class Listings:
    """What the store holds, prefix by prefix."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._listings: dict[str, tuple[float, dict[str, Stored]]] = {}
        self._lock = threading.Lock()

    def under(self, key: str) -> dict[str, Stored]:
        """The objects at and below a key, by key."""
        prefix = listing_prefix(key)
        with self._lock:
            when, found = self._listings.get(prefix, (0.0, {}))
            if not when or time.monotonic() - when > LISTING_SECONDS:
                when, found = time.monotonic(), self._store.list(prefix)
                self._listings[prefix] = when, found
        return {k: s for k, s in found.items() if k == key or k.startswith(f"{key}/")}

    def note(self, changed: Mapping[str, Stored | None]) -> None:
        """Record what this process has put (or deleted: None)."""
        with self._lock:
            for prefix, (when, found) in self._listings.items():
                below = {k: s for k, s in changed.items() if k.startswith(f"{prefix}/")}
                if below:
                    merged = {**found, **below}
                    # A new dict: another thread may be reading the old one.
                    kept = {k: s for k, s in merged.items() if s is not None}
                    self._listings[prefix] = when, kept

    def forget(self) -> None:
        """Drop all listings."""
        with self._lock:
            self._listings.clear()


@dataclass(frozen=True, eq=False)
class ObjectRoot(DataRoot):
    """A root in a store; `path` is the folder of its mirror.

    Two objects of the same root are never equal: each has its own client and listings.
    """

    store: ObjectStore
    mirror: Mirror
    listings: Listings
    _fetching: dict[str, threading.Lock] = field(default_factory=dict)
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def uri(self) -> str:
        return self.store.url

    def refresh(self) -> None:
        self.listings.forget()

    def ensure_local(self, path: Path) -> Path:
        key = self.relative(path)
        for _ in range(_TRIES):
            wanted = self._visible(key)
            self.mirror.keep_only(key, wanted)
            stale = {k: s for k, s in wanted.items() if not self.mirror.holds(k, s)}
            if self._fetch_all(stale):
                return path
            self.refresh()
        raise Segment1BError(
            "E_IO", "it changes faster than it can be read", file=self.store.at(key),
            next_step="find who else writes there, then re-run",
        )  # fmt: skip

    def exists(self, path: Path) -> bool:
        return bool(self.listings.under(self.relative(path)))

    def find_paths(self, dataset: str) -> list[Path]:
        pattern = dictionary()[dataset].glob.split("/")
        first = next((n for n, part in enumerate(pattern) if "*" in part), len(pattern) - 1)
        found = set()
        for key in self.listings.under("/".join(pattern[:first])):
            parts = key.split("/")[: len(pattern)]
            if len(parts) == len(pattern) and all(map(fnmatchcase, parts, pattern)):
                found.add(self.path.joinpath(*parts))
        return sorted(found)

    def state_of(self, path: Path) -> tuple[object, ...]:
        found = self._visible(self.relative(path))
        return tuple(sorted((k, s.etag, s.size) for k, s in found.items()))

    def _visible(self, key: str) -> dict[str, Stored]:
        """The objects at and below a key, less the parts of partitions that are not complete yet.

        A partition's first part is uploaded last, so its presence means that all parts exist.
        """
        found = self.listings.under(key)
        known = found if "/country=" not in key else self.listings.under(key.split("/part-")[0])
        return {
            k: s
            for k, s in found.items()
            if (part := _PART.fullmatch(k)) is None or f"{part[1]}part-00000.parquet" in known
        }

    def _fetch_all(self, stale: Mapping[str, Stored]) -> bool:
        if len(stale) <= 1:
            return all(self._fetch(k, s) for k, s in stale.items())
        with ThreadPoolExecutor(FETCHES, thread_name_prefix="fetch") as pool:
            return all(pool.map(self._fetch, stale, stale.values()))

    def _fetch(self, key: str, stored: Stored) -> bool:
        """Fetch one object; False where it is no longer the one that was listed."""
        with self._fetching.setdefault(key, threading.Lock()):
            if self.mirror.holds(key, stored):
                return True
            made = self.temporary_file()
            try:
                if not self.store.fetch(key, stored, made):
                    return False
                self.mirror.store(key, made, stored)
            finally:
                made.unlink(missing_ok=True)
        return True

    def publish(
        self, staged: Path, target: Path, *, dataset: str, country: str | None
    ) -> Published:
        return object_publish.publish_objects(
            self, staged, target, dataset=dataset, country=country
        )

    def replace_file(self, target: Path, content: bytes) -> None:
        object_publish.replace_object(self, target, content)

    def move(self, target: Path, destination: Path) -> None:
        object_publish.move_objects(self, target, destination)

    def sweep_staging(self) -> int:
        return object_publish.sweep_objects(self) + super().sweep_staging()

    def temporary_file(self) -> Path:
        """A name for a file on its way into the mirror; removed with the staging areas."""
        (self.path / STAGING).mkdir(parents=True, exist_ok=True)
        return self.path / STAGING / f"{TEMPORARY}{uuid.uuid4().hex}"


def listing_prefix(key: str) -> str:
    """The folder that is listed for a key: all countries of a dataset, else the key's folder."""
    for prefix in _WHOLE:
        if f"{key}/".startswith(f"{prefix}/"):
            return prefix
    parts = key.split("/")
    for number, part in enumerate(parts):
        if part.startswith("country="):
            return "/".join(parts[:number])
    return "/".join(parts[:-1])
