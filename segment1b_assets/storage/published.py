"""The outcome and the refusal of publishing, the same for both kinds of data root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.digests import receipt


@dataclass(frozen=True)
class Published:
    """What publishing did: "published", or "identical" to existing bytes."""

    status: Literal["published", "identical"]
    path: Path
    receipt: str
    size: int


def require_identical(stamp: str, target: Path, dataset: str, country: str | None) -> None:
    """Compare what is published at `target` with the receipt of the new bytes.

    Raises:
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL; its value is `stamp`.
    """
    there = receipt(target)
    if there != stamp:
        raise Segment1BError(
            "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL",
            f"{dataset} is already published there with receipt {there[:16]}…, "
            f"and this run made {stamp[:16]}…",
            country=country,
            file=target,
            value=stamp,
            next_step=f"if the new bytes are right: segment1b retire --dataset {dataset} "
            f"--country {country or 'ALL'} --why TEXT, then materialise again",
        )
