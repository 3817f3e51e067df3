"""The publish protocol in an object store (contract §2): the store's own atomic, conditional put.

A partition of one file is one put that succeeds only where no object exists. For a folder of
several files, the object that makes it visible is put last: a partition's first part, a bundle's
flag. So however a run ends, readers see nothing unfinished.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.bundle import FLAG, INDEX
from segment1b_assets.storage.digests import receipt, sha256_of
from segment1b_assets.storage.object_store import Stored, goes_in_parts
from segment1b_assets.storage.published import Published, require_identical
from segment1b_assets.storage.staging import STAGING

if TYPE_CHECKING:
    from segment1b_assets.storage.object_root import ObjectRoot

#: No upload takes as long as this: older objects in the store's staging folder are left over.
_LEFT_OVER_SECONDS = 24 * 3600.0
#: Roots whose store is known to honour conditional puts. Weak references: `open_root` drops a root
#: whose credentials have changed, with its client and listings.
_proven: WeakSet[ObjectRoot] = WeakSet()
_proven_for_large: WeakSet[ObjectRoot] = WeakSet()


def publish_objects(
    root: ObjectRoot, staged: Path, target: Path, *, dataset: str, country: str | None
) -> Published:
    """Upload a staged file or folder to its place, never replacing anything.

    Raises:
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where other bytes are published,
            E_IO where the store fails or does not honour the condition.
    """
    stamp = receipt(staged)
    files = [p for p in staged.rglob("*") if p.is_file()] if staged.is_dir() else [staged]
    key = root.relative(target)
    objects = {
        key if p == staged else f"{key}/{p.relative_to(staged).as_posix()}": p
        for p in sorted(files)
    }
    size = sum(p.stat().st_size for p in files)
    last = _seen_last(objects)
    there = root.listings.under(key)
    if last not in there:
        _require_conditions(root, any(goes_in_parts(p.stat().st_size) for p in files))
        _require_room(root, there, objects, dataset, country)
        if _put_all(root, objects, last, dataset, country):
            return Published("published", target, stamp, size)
        root.refresh()
        if last not in root.listings.under(key):
            raise Segment1BError(
                "E_IO", "the store reports that this object exists, but does not list it",
                country=country, file=root.store.at(last),
                next_step="find who else publishes or retires there, then materialise it again",
            )  # fmt: skip
    root.ensure_local(target)
    require_identical(stamp, target, dataset, country)
    return Published("identical", target, stamp, size)


def _put_all(
    root: ObjectRoot, objects: dict[str, Path], last: str, dataset: str, country: str | None
) -> bool:
    """Put the objects in order; False where another writer's `last` exists already."""
    put: dict[str, Stored] = {}
    for key in sorted(objects, key=lambda k: (k == last, k)):
        stored = root.store.put_new(key, objects[key])
        if stored is not None:
            put[key] = stored
        elif key == last:
            # It may still be ours: the client repeats a put whose answer was lost. So nothing
            # is deleted; the caller compares the bytes.
            return False
        elif not _same_bytes(root, key, objects[key]):
            raise _left_over(root, key, dataset, country)
    for key, stored in put.items():
        root.mirror.store(key, objects[key], stored)
    root.listings.note(put)
    return True


def _require_room(
    root: ObjectRoot,
    there: dict[str, Stored],
    objects: dict[str, Path],
    dataset: str,
    country: str | None,
) -> None:
    """Refuse objects of an interrupted upload: they would become part of this partition."""
    if strays := sorted(set(there) - set(objects)):
        raise _left_over(root, strays[0], dataset, country)


def _same_bytes(root: ObjectRoot, key: str, file: Path) -> bool:
    """Whether an existing object has the bytes of a file."""
    stored = root.store.list(key.rpartition("/")[0]).get(key)
    copy = root.temporary_file()
    try:
        if stored is None or not root.store.fetch(key, stored, copy):
            return False
        return sha256_of(copy) == sha256_of(file)
    finally:
        copy.unlink(missing_ok=True)


def _left_over(root: ObjectRoot, key: str, dataset: str, country: str | None) -> Segment1BError:
    return Segment1BError(
        "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL",
        f"another upload of {dataset}, which was cut short or is under way, has put other bytes",
        country=country,
        file=root.store.at(key),
        next_step=f"if none is under way: segment1b retire --dataset {dataset} "
        f"--country {country or 'ALL'} --why TEXT, then materialise again",
    )


def _seen_last(keys: dict[str, Path]) -> str:
    """The object whose presence means that a folder is complete."""
    for name in (FLAG, INDEX):
        for key in keys:
            if key.endswith(f"/{name}"):
                return key
    return min(keys)


def _require_conditions(root: ObjectRoot, large: bool) -> None:
    """Refuse a store that ignores the condition of a put: it would overwrite published data.

    Large files use another request (`ObjectStore.put_new`), tested before the first of them.
    """
    if root in (_proven_for_large if large else _proven):
        return
    probe, copy = (f"{STAGING}/{uuid.uuid4().hex}" for _ in range(2))
    file = root.temporary_file()
    file.write_bytes(b"is a conditional put refused?\n")
    try:
        kept = root.store.put_new(probe, file) is not None
        kept = root.store.put_new(probe, file) is None and kept
        what = "conditions (If-None-Match)"
        if kept and large:
            kept = root.store.copy_new(probe, copy) and not root.store.copy_new(probe, copy)
            what = "the condition (If-None-Match) of a CompleteMultipartUpload"
    finally:
        file.unlink(missing_ok=True)
        root.store.delete([probe, copy])
    if not kept:
        raise Segment1BError(
            "E_IO", f"the store ignores {what}, so nothing would be immutable", file=root.uri,
            next_step="publish to a store that honours conditional puts, or to a file system",
        )  # fmt: skip
    _proven.add(root)
    if large:
        _proven_for_large.add(root)


def replace_object(root: ObjectRoot, target: Path, content: bytes) -> None:
    """Put a report, replacing the previous one."""
    key = root.relative(target)
    stored = Stored(len(content), root.store.put(key, content), time.time())
    made = root.temporary_file()
    made.write_bytes(content)
    root.mirror.store(key, made, stored)
    root.listings.note({key: stored})


def move_objects(root: ObjectRoot, target: Path, destination: Path) -> None:
    """Move all objects at and below `target`: copy, then delete, first the one that shows them.

    Raises:
        Segment1BError: E_IO where something was published there in the meantime.
    """
    source, goal = root.relative(target), root.relative(destination)
    root.refresh()
    found = root.listings.under(source)
    for key in found:
        root.store.copy(key, goal + key.removeprefix(source))
    root.refresh()
    if root.listings.under(source) != found:
        raise Segment1BError(
            "E_IO", "it was changed while it was being retired", file=root.store.at(source),
            next_step="find who else works there, then retire it again",
        )  # fmt: skip
    first = _seen_last(dict.fromkeys(found, target))
    root.store.delete([first])
    root.store.delete([k for k in found if k != first])
    root.refresh()
    root.ensure_local(target)


def sweep_objects(root: ObjectRoot) -> int:
    """Delete what killed uploads left in the store's staging folder a day ago or before."""
    now = time.time()
    old = [k for k, s in root.store.list(STAGING).items() if now - s.modified > _LEFT_OVER_SECONDS]
    root.store.delete(old)
    return len(old)
