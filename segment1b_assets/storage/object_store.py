"""A prefix of an S3 bucket: list, fetch, put, copy, delete, with errors that name the next step.

Identity and endpoint come only from the usual ``AWS_*`` variables, never from the URL. No message
repeats the store's answer, because a refusal quotes the request.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.staging import STAGING

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, S3Store

#: Larger files are uploaded in parts; memory holds a few parts.
SINGLE_PUT_BYTES = 64 << 20
PART_BYTES = 16 << 20
#: The most that S3 copies in one request, so the largest object of a conditional put.
LARGEST_BYTES = 5 << 30
#: Bytes of one ranged read, and the number of parallel reads.
RANGE_BYTES = 8 << 20
RANGES = 4
_SETTINGS = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION"
_EXPORT = "a profile's are given out by: aws configure export-credentials --format env"
#: Variables that give the client its identity; without one of them it would use a profile.
_IDENTITIES = (
    "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)  # fmt: skip
#: Seconds to wait after each put that the store answers with a conflict.
CONFLICT_PAUSES = (0.1, 0.4, 1.6, 3.2)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Stored:
    """An object in the store: bytes, ETag, and when it was put (seconds since 1970)."""

    size: int
    etag: str
    modified: float


class ObjectStore:
    """Objects below ``s3://bucket/prefix``, named by their keys relative to it.

    Every method raises `Segment1BError` with code E_IO, naming bucket and key, where the store
    refuses, lacks the bucket or does not answer; a request is tried four times in at most 30 s.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        from obstore.store import S3Store  # a local root needs no client

        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        _require_no_profile(self.url)
        client: ClientConfig = {
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=120),
        }
        if _endpoint_is_local():
            client["allow_http"] = True  # elsewhere only if AWS_ALLOW_HTTP is set
        self._store: S3Store = S3Store(
            bucket,
            prefix=prefix or None,
            config={"copy_if_not_exists": "multipart"},
            client_options=client,
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )

    def list(self, folder: str) -> dict[str, Stored]:
        """Every object below a folder, by key."""
        import obstore

        with self._coded_errors("list", folder):
            found = {
                o["path"]: Stored(o["size"], str(o["e_tag"]), o["last_modified"].timestamp())
                for page in obstore.list(self._store, folder or None)
                for o in page
            }
        # Some clients mark a folder with an empty object of its name.
        folders = {key[:cut] for key in found for cut in _slashes(key)}
        return {key: stored for key, stored in found.items() if key not in folders}

    def fetch(self, key: str, stored: Stored, to: Path) -> bool:
        """Write the object to a file; False where it is no longer the one that was listed."""
        import obstore
        from obstore.exceptions import PreconditionError

        def piece(start: int) -> None:
            end = min(start + RANGE_BYTES, stored.size)
            whole = stored.size <= RANGE_BYTES
            found = obstore.get(
                self._store,
                key,
                options={"if_match": stored.etag, **({} if whole else {"range": (start, end)})},
            ).bytes()
            os.pwrite(file.fileno(), found, start)

        starts = range(0, max(stored.size, 1), RANGE_BYTES)
        with to.open("wb") as file, self._coded_errors("read", key):
            try:
                if len(starts) == 1:
                    piece(0)
                else:
                    with ThreadPoolExecutor(RANGES) as pool:
                        list(pool.map(piece, starts))
            except (FileNotFoundError, PreconditionError):
                return False
        return to.stat().st_size == stored.size

    def put_new(self, key: str, file: Path) -> Stored | None:
        """Put a file; None, and nothing done, where an object exists.

        Afterwards either the whole object exists or none does.
        """
        import obstore

        status = file.stat()
        if status.st_size > LARGEST_BYTES:
            raise Segment1BError(
                "E_IO", "the file is larger than S3's limit of a conditional put (5 GiB)",
                file=self.at(key), value=status.st_size,
                next_step="use a root on a file system for data of this size",
            )  # fmt: skip
        with self._coded_errors("write", key):
            if not goes_in_parts(status.st_size):
                whole = file.read_bytes()
                done = self._unless_exists(
                    key,
                    lambda: obstore.put(
                        self._store, key, whole, mode="create", use_multipart=False
                    ),
                )
                return done and Stored(status.st_size, str(done["e_tag"]), status.st_mtime)
            # An upload in parts cannot be conditional, but a copy can.
            aside = f"{STAGING}/{uuid.uuid4().hex}"
            try:
                obstore.put(self._store, aside, file, chunk_size=PART_BYTES, max_concurrency=RANGES)
                done = self._unless_exists(key, lambda: self._copied(aside, key))
            finally:
                obstore.delete(self._store, aside)
            return done and Stored(done["size"], str(done["e_tag"]), status.st_mtime)

    def copy_new(self, source: str, target: str) -> bool:
        """Copy an object, as large files are published; False where the target exists.

        The request differs from a conditional put, and a store may honour only one of the two.
        """
        with self._coded_errors("write", target):
            return self._unless_exists(target, lambda: self._copied(source, target)) is not None

    def _copied(self, source: str, target: str) -> ObjectMeta:
        import obstore

        obstore.copy(self._store, source, target, overwrite=False)
        return obstore.head(self._store, target)

    def _unless_exists(self, key: str, write: Callable[[], Answer]) -> Answer | None:
        """The result of `write`; None where an object exists.

        The client reports "already exists" for a 409, too, when the store was busy with another
        request for this key. Only the key itself shows whether that request put anything.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        for pause in CONFLICT_PAUSES:
            try:
                return write()
            except AlreadyExistsError:
                try:
                    obstore.head(self._store, key)
                    return None
                except FileNotFoundError:
                    time.sleep(pause)
        raise Segment1BError(
            "E_IO", f"the store refused {len(CONFLICT_PAUSES)} times to write this object, as "
            "though it existed, but it does not (409 ConditionalRequestConflict)",
            file=self.at(key), next_step="find who else writes there, then re-run",
        )  # fmt: skip

    def put(self, key: str, content: bytes) -> str:
        """Put bytes, replacing an existing object; returns the new ETag."""
        import obstore

        with self._coded_errors("write", key):
            return str(obstore.put(self._store, key, content, use_multipart=False)["e_tag"])

    def copy(self, source: str, target: str) -> None:
        """Copy an object within the store."""
        import obstore

        with self._coded_errors("copy", source):
            obstore.copy(self._store, source, target)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; a missing one is not an error."""
        import obstore

        if keys:
            with self._coded_errors("delete", keys[0]):
                obstore.delete(self._store, list(keys))

    def at(self, key: str) -> str:
        """An object's URL."""
        return f"{self.url}/{key}"

    @contextlib.contextmanager
    def _coded_errors(self, verb: str, key: str) -> Iterator[None]:
        """Turn the client's exceptions into E_IO, without their cause, which quotes the request."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError) as err:
            reason, next_step = _reason(err)
            raise Segment1BError(
                "E_IO", f"cannot {verb} this object: {reason}", file=self.at(key),
                next_step=next_step,
            ) from None  # fmt: skip


def _reason(err: Exception) -> tuple[str, str]:
    """What happened and the next step, without the store's text."""
    text = str(err)
    code = re.search(r"<Code>(\w+)</Code>", text)
    status = re.search(r"status code: (\d{3})", text)
    answer = " ".join(found[1] for found in (status, code) if found)
    if "NoSuchBucket" in text or isinstance(err, FileNotFoundError):
        return (
            f"there is no such bucket or object ({answer})",
            "check the name, or create the bucket",
        )
    if answer.startswith(("401", "403")):
        return (
            f"the store refuses these credentials ({answer})",
            f"check {_SETTINGS}, and the rights that docs/guide/object_store.md lists",
        )
    nobody = not answer and not any(os.environ.get(name) for name in _IDENTITIES)
    if nobody or "169.254." in text or "credential" in text.lower():
        return "no credentials were found", f"set {_SETTINGS}; {_EXPORT}"
    if answer:
        return f"the store answers {answer}", "check the store and AWS_REGION, then re-run"
    if "invalid path" in text:
        return (
            "a key below it has an empty or '..' part",
            "remove that object; no dataset has such a key",
        )
    return (
        f"the store does not answer ({type(err).__name__})",
        "check AWS_ENDPOINT_URL and the network, then re-run",
    )


def goes_in_parts(size: int) -> bool:
    """Whether a file of this many bytes is uploaded in parts and then copied to its place."""
    return size > SINGLE_PUT_BYTES


def _require_no_profile(url: str) -> None:
    """Profiles are not read: without this error another identity would be used, or none."""
    profile = os.environ.get("AWS_PROFILE")
    if profile and not any(os.environ.get(name) for name in _IDENTITIES):
        raise Segment1BError(
            "E_IO", "AWS_PROFILE names a profile, and profiles are not read", file=url,
            value=profile, next_step=f"set {_SETTINGS} instead; {_EXPORT}",
        )  # fmt: skip


def _endpoint_is_local() -> bool:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _slashes(key: str) -> Iterator[int]:
    return (at for at, letter in enumerate(key) if letter == "/")


def environment_key() -> Mapping[str, str]:
    """The variables that decide store and identity; never to be shown."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
