"""The flag law of S0, which S9 follows too: contract §4.

Interpretations taken: index.json lists itself (it is a non-flag file), and the flag may end in a
newline.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .identity import ascii_files

FLAG = "_passed.flag"


def flag_digest(folder: Path) -> str:
    """SHA-256 over the bytes of every non-flag file in ASCII order of path, hex."""
    whole = hashlib.sha256()
    for path in ascii_files(folder):
        if path != folder / FLAG:
            whole.update(path.read_bytes())
    return whole.hexdigest()


def index_faults(folder: Path) -> list[str]:
    """What is wrong with a bundle's index.json, empty when nothing is."""
    index = folder / "index.json"
    if not index.is_file():
        return ["index.json is missing"]
    entries = json.loads(index.read_text("utf-8"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return ["index.json is not a list of objects"]
    paths = [str(entry.get("path")) for entry in entries]
    ids = [str(entry.get("artifact_id")) for entry in entries]
    faults = []
    if len(set(ids)) != len(ids) or "None" in ids:
        faults.append("artifact_ids are missing or not unique")
    if any(path.startswith("/") or ".." in path.split("/") for path in paths):
        faults.append("a path is absolute or climbs")
    there = [path.relative_to(folder).as_posix() for path in ascii_files(folder)]
    there = [path for path in there if path != FLAG]
    if sorted(paths) != sorted(there):
        faults.append(f"index.json lists {sorted(paths)}, the files are {there}")
    return faults


def flag_faults(folder: Path) -> list[str]:
    """What is wrong with a bundle and its flag, empty when a reader may trust it."""
    flag = folder / FLAG
    faults = index_faults(folder)
    if not flag.is_file():
        return [*faults, "no flag"]
    expected = f"sha256_hex = {flag_digest(folder)}"
    if flag.read_text("ascii").strip() != expected:
        faults.append(f"flag does not say {expected!r}")
    return faults


def write_bundle(folder: Path, files: dict[str, bytes]) -> None:
    """Write ``files``, an index.json that lists them and itself, and the flag."""
    entries = [{"artifact_id": f"artifact_{i}", "path": p} for i, p in enumerate(sorted(files))]
    entries.append({"artifact_id": "index", "path": "index.json"})
    files = files | {"index.json": json.dumps(entries, indent=1).encode()}
    for name, raw in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    (folder / FLAG).write_text(f"sha256_hex = {flag_digest(folder)}\n", "ascii")
