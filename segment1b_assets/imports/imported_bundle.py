"""The 1A bundle of an imported catalogue: it vouches for the bytes of its source, no more (§4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from segment1b_assets.storage.bundle import FLAG, INDEX, bundle_digest, flag_text


def write_bundle(folder: Path, documents: dict[str, Any]) -> None:
    """Write JSON documents, index.json and the flag over all of them.

    Args:
        folder: a new folder.
        documents: file name -> content.
    """
    folder.mkdir()
    names = sorted([*documents, INDEX])
    index = [{"artifact_id": name.removesuffix(".json").lower(), "path": name} for name in names]
    for name, content in {**documents, INDEX: index}.items():
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (folder / name).write_bytes(text.encode("utf-8"))
    (folder / FLAG).write_bytes(flag_text(bundle_digest(folder)).encode("ascii"))
