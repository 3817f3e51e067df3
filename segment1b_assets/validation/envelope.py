"""Judges a run report: the operating envelope and the receipt (contract sections 2 and 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segment1b_assets.storage.data_root import receipt
from segment1b_assets.validation.verdict import Verdict

RSS_PER_WORKER = 1 << 30
OPEN_FILES = 256
READ_RATIO = 1.25


def judge_envelope(code: str, report: Mapping[str, Any] | None) -> Verdict:
    """Whether the run that published the partition kept to its limits."""
    if report is None:
        return Verdict(code, False, "there is no run report")
    rss = int(report["peak_rss_bytes"])
    limit = RSS_PER_WORKER * int(report["workers"])
    over = []
    if rss > limit:
        over.append(f"peak RSS {rss} bytes is more than {limit}")
    if int(report["open_files"]) > OPEN_FILES:
        over.append(f"{report['open_files']} open files are more than {OPEN_FILES}")
    read, whole = report.get("raster_bytes_read"), report.get("raster_bytes_uncompressed")
    if read and whole and read > READ_RATIO * whole:
        over.append(f"{read} raster bytes were read of {whole}")
    return Verdict(code, not over, "; ".join(over), {"peak_rss_bytes": rss})


def judge_receipt(
    code: str, folder: Path, files: Sequence[Path], dataset: str, report: Mapping[str, Any] | None
) -> Verdict:
    """Whether the partition's bytes are still those that its run report vouches for."""
    if report is None or dataset not in report.get("outputs", {}):
        return Verdict(code, False, "there is no run report that names its receipt")
    told = report["outputs"][dataset]["receipt"]
    found = receipt(folder, files)
    return Verdict(
        code,
        found == told,
        "" if found == told else f"the files' receipt is {found}, the run report says {told}",
        {"receipt": found},
    )
