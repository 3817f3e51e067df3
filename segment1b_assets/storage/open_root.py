"""A data root from the user's text: a folder, or ``s3://bucket/prefix``."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.mirror import Mirror, mirror_folder
from segment1b_assets.storage.object_root import Listings, ObjectRoot
from segment1b_assets.storage.object_store import ObjectStore, environment_key

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[\w=.,+-]+)*)/?", re.ASCII)
_opened: dict[str, tuple[object, ObjectRoot]] = {}
_lock = threading.Lock()


def open_root(place: Path | str) -> DataRoot:
    """The root of a text; a process has one `ObjectRoot` per URL, with fresh listings.

    Raises:
        Segment1BError: E_INPUT_MISSING for a URL that is not of the form.
    """
    if isinstance(place, Path) or not in_a_store(place):
        return DataRoot(Path(place).absolute())
    bucket, prefix = _bucket_and_prefix(place)
    folder = mirror_folder(f"s3://{bucket}/{prefix}")
    with _lock:
        settings = (folder, environment_key())
        held = _opened.get(place)
        if held is None or held[0] != settings:
            store, mirror = ObjectStore(bucket, prefix), Mirror(folder)
            root = ObjectRoot(mirror.files, store, mirror, Listings(store))
            held = _opened[place] = (settings, root)
    held[1].refresh()
    return held[1]


def root_uri(place: str) -> str:
    """One spelling of a root, without opening it: a folder's real path, or a URL without its end.

    Raises:
        Segment1BError: as `open_root`.
    """
    if not in_a_store(place):
        return os.path.realpath(place)
    bucket, prefix = _bucket_and_prefix(place)
    return f"s3://{bucket}/{prefix}".rstrip("/")


def in_a_store(place: str) -> bool:
    """Whether the user's text is a URL and not a folder."""
    return "://" in place


def _bucket_and_prefix(place: str) -> tuple[str, str]:
    found = _URL.fullmatch(place)
    if found is None or {".", ".."} & set(found[2].split("/")):
        # The text is not repeated: it may hold a password.
        raise Segment1BError(
            "E_INPUT_MISSING",
            "the data root is neither a folder nor of the form s3://bucket/prefix",
            next_step="write s3://bucket/prefix with plain names; credentials and endpoint come "
            "from the AWS_ variables (docs/guide/object_store.md)",
        )
    return found[1], found[2].strip("/")
