"""Segment 1A's validation bundle with its PASS flag (contract §4, S0)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from segment1b_assets.reference_world.outlets import Pairs

FLAG = "_passed.flag"


def write_bundle(
    folder: Path,
    pairs: Pairs,
    codes: list[str],
    identity: dict[str, Any],
    catalogue: Path,
) -> None:
    """MANIFEST.json, the counts that 1A would have checked, index.json and the flag.

    index.json lists every non-flag file once, itself included; the flag is the SHA-256 over
    those files' bytes in ASCII order of path.
    """
    countries = np.bincount(pairs.country, minlength=len(codes))
    sites = np.bincount(pairs.country, weights=pairs.sites, minlength=len(codes)).astype(np.int64)
    egress = hashlib.sha256(catalogue.read_bytes()).hexdigest()
    documents: dict[str, Any] = {
        "MANIFEST.json": {"segment": "1A", **identity},
        "egress_checksums.json": {f"outlet_catalogue/{catalogue.name}": egress},
        "outlet_counts.json": {
            "merchants": int(np.unique(pairs.merchant_id).size),
            "pairs": len(pairs.sites),
            "sites": int(pairs.sites.sum()),
            "by_country": {
                code: {"pairs": int(countries[i]), "sites": int(sites[i])}
                for i, code in enumerate(codes)
                if countries[i]
            },
        },
    }
    names = sorted([*documents, "index.json"])
    documents["index.json"] = [
        {"artifact_id": name.removesuffix(".json").lower(), "path": name} for name in names
    ]
    folder.mkdir(parents=True)
    for name, document in documents.items():
        text = json.dumps(document, indent=2, sort_keys=True) + "\n"
        (folder / name).write_bytes(text.encode("utf-8"))
    digest = hashlib.sha256()
    for name in names:
        digest.update((folder / name).read_bytes())
    (folder / FLAG).write_bytes(f"sha256_hex = {digest.hexdigest()}\n".encode("ascii"))
