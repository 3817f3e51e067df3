"""Segment 1A's validation bundle with its PASS flag (contract §4, S0)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from segment1b_assets.reference_world.outlets import Pairs
from segment1b_assets.storage.bundle import write_bundle
from segment1b_assets.storage.digests import sha256_of


def write_bundle_1a(
    folder: Path,
    pairs: Pairs,
    codes: list[str],
    identity: dict[str, Any],
    catalogue: Path,
) -> None:
    """MANIFEST.json, the counts that 1A would have checked, index.json and the flag."""
    countries = np.bincount(pairs.country, minlength=len(codes))
    sites = np.bincount(pairs.country, weights=pairs.sites, minlength=len(codes)).astype(np.int64)
    egress = sha256_of(catalogue).hex()
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
    write_bundle(folder, documents)
