"""Validation bundles and their flag: the hash rule of contract §4, S0 (and S9)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.input_files import require_file

INDEX = "index.json"
FLAG = "_passed.flag"
_FLAG_FORM = re.compile(r"sha256_hex = ([0-9a-f]{64})\s*")
_MAX_INDEX_BYTES = 16 << 20


def bundle_digest(folder: Path) -> str:
    """SHA-256 over the bytes of every file that index.json names, in ASCII order of path.

    Raises:
        Segment1BError: E_INDEX_BAD where index.json is missing, malformed, names a path outside
            of the bundle or twice, or leaves out a file.
    """
    paths = _indexed_paths(folder)
    whole = hashlib.sha256()
    for relative in sorted(paths, key=os.fsencode):
        with (folder / relative).open("rb") as handle:
            while block := handle.read(1 << 20):
                whole.update(block)
    return whole.hexdigest()


def verify_flag(folder: Path) -> str:
    """Recompute a bundle's digest and compare it with its flag.

    Returns:
        The digest, 64 hex.

    Raises:
        Segment1BError: E_FLAG_BAD (no flag, malformed, or not the digest), E_INDEX_BAD.
    """
    flag = folder / FLAG
    require_file(flag, missing="E_FLAG_BAD", unreadable="E_FLAG_BAD", what="the PASS flag")
    try:
        with flag.open("rb") as handle:
            text = handle.read(4096).decode("ascii")
    except (OSError, UnicodeDecodeError) as err:
        raise Segment1BError("E_FLAG_BAD", f"cannot be read: {err}", file=flag) from err
    match = _FLAG_FORM.fullmatch(text)
    if match is None:
        raise Segment1BError(
            "E_FLAG_BAD", "must read 'sha256_hex = <64 hex>'", file=flag, value=text[:120]
        )
    digest = bundle_digest(folder)
    if digest != match[1]:
        raise Segment1BError(
            "E_FLAG_BAD",
            f"the flag says {match[1]}, the bundle's files give {digest}",
            file=flag,
            next_step="find which file of the bundle changed after it was flagged; ask its owner",
        )
    return digest


def flag_text(digest: str) -> str:
    """The content of ``_passed.flag``."""
    return f"sha256_hex = {digest}\n"


def write_bundle(folder: Path, documents: Mapping[str, Any]) -> None:
    """Write JSON documents, the index that lists them and itself, and the flag over all of them.

    Args:
        folder: a new folder.
        documents: file name -> content.
    """
    folder.mkdir(parents=True)
    names = sorted([*documents, INDEX])
    index = [{"artifact_id": name.removesuffix(".json").lower(), "path": name} for name in names]
    for name, content in {**documents, INDEX: index}.items():
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (folder / name).write_bytes(text.encode("utf-8"))
    (folder / FLAG).write_bytes(flag_text(bundle_digest(folder)).encode("ascii"))


def _indexed_paths(folder: Path) -> list[str]:
    index = folder / INDEX
    entries = _read_index(index)
    ids: set[str] = set()
    paths: set[str] = set()
    for entry in entries:
        if not isinstance(entry, dict):
            raise Segment1BError(
                "E_INDEX_BAD", "holds an entry that is not an object", file=index, value=entry
            )
        artifact, path = entry.get("artifact_id"), entry.get("path")
        if not isinstance(artifact, str) or not artifact or not isinstance(path, str) or not path:
            raise Segment1BError(
                "E_INDEX_BAD", "an entry lacks artifact_id or path", file=index, value=entry
            )
        if artifact in ids:
            raise Segment1BError(
                "E_INDEX_BAD", "artifact_id is given twice", file=index, value=artifact
            )
        _require_inside(folder, path, index)
        if path in paths:
            raise Segment1BError("E_INDEX_BAD", "path is listed twice", file=index, value=path)
        ids.add(artifact)
        paths.add(path)
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()} - {
        FLAG
    }
    for stray in sorted(present - paths):
        raise Segment1BError(
            "E_INDEX_BAD", "a file of the bundle is not listed", file=index, value=stray
        )
    return sorted(paths)


def _read_index(index: Path) -> list[Any]:
    require_file(index, missing="E_INDEX_BAD", unreadable="E_INDEX_BAD", what="index.json")
    try:
        if index.stat().st_size > _MAX_INDEX_BYTES:
            raise Segment1BError("E_INDEX_BAD", "is larger than 16 MiB", file=index)
        document = json.loads(index.read_bytes())
    except (OSError, ValueError, RecursionError) as err:
        raise Segment1BError("E_INDEX_BAD", f"is not readable JSON: {err}", file=index) from err
    if not isinstance(document, list):
        raise Segment1BError(
            "E_INDEX_BAD", "must be a list of objects", file=index, value=type(document).__name__
        )
    return document


def _require_inside(folder: Path, path: str, index: Path) -> None:
    """Refuse anything except a plain relative path to a regular file of the bundle."""
    parts = path.split("/")
    if (
        path.startswith("/")
        or "\\" in path
        or "\0" in path
        or any(p in ("", ".", "..") for p in parts)
    ):
        raise Segment1BError(
            "E_INDEX_BAD",
            "path must be relative and stay inside the bundle",
            file=index,
            value=path,
        )
    if path == FLAG:
        raise Segment1BError("E_INDEX_BAD", "the flag must not list itself", file=index, value=path)
    target = folder / path
    try:
        there = target.is_file()
    except (OSError, ValueError):
        there = False  # such as a name with NUL
    if not there:
        raise Segment1BError(
            "E_INDEX_BAD", "names a file that is not there", file=index, value=path
        )
    if not target.resolve().is_relative_to(folder.resolve()):
        raise Segment1BError(
            "E_INDEX_BAD", "a link leads out of the bundle", file=index, value=path
        )
