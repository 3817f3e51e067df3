"""Judges a run report: the operating envelope and the receipt (contract sections 2 and 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segment1b_assets.storage.digests import receipt
from segment1b_assets.validation.verdict import Verdict

RSS_PER_WORKER = 1 << 30
OPEN_FILES = 256
READ_RATIO = 1.25
_ALWAYS = ("peak_rss_bytes", "workers", "open_files")
_WHERE_READ = ("raster_bytes_read", "raster_bytes_uncompressed")


def judge_envelope(code: str, report: Mapping[str, Any] | None) -> Verdict:
    """Whether the run that published the partition kept to its limits."""
    if report is None:
        return Verdict(code, False, "there is no run report")
    read_counts = {key: report[key] for key in _WHERE_READ if report.get(key) is not None}
    counts = {key: report[key] for key in _ALWAYS if key in report} | read_counts
    missing = [key for key in _ALWAYS if key not in report]
    wrong = [f"{key} is {value!r}" for key, value in counts.items() if not _is_count(value)]
    if missing or wrong:
        faults = "; ".join([f"{key} is missing" for key in missing] + wrong)
        return Verdict(code, False, f"the run report is none of ours: {faults}")
    rss, limit = report["peak_rss_bytes"], RSS_PER_WORKER * report["workers"]
    over = []
    if rss > limit:
        over.append(f"peak RSS {rss} bytes is more than {limit}")
    if report["open_files"] > OPEN_FILES:
        over.append(f"{report['open_files']} open files are more than {OPEN_FILES}")
    read, whole = (counts.get(key) for key in _WHERE_READ)
    if read and whole and read > READ_RATIO * whole:
        over.append(f"{read} raster bytes were read of {whole}")
    for dataset, counted in _inputs(report):
        if counted["bytes_read"] > READ_RATIO * counted["bytes_on_disk"]:
            over.append(f"{counted['bytes_read']} bytes of {dataset} were read, "
                        f"which has {counted['bytes_on_disk']}")  # fmt: skip
    return Verdict(code, not over, "; ".join(over), {"peak_rss_bytes": rss})


def _inputs(report: Mapping[str, Any]) -> list[tuple[str, dict[str, int]]]:
    """What the report says of each input; entries that are none of ours say nothing."""
    inputs = report.get("inputs")
    if not isinstance(inputs, dict):
        return []
    return [
        (dataset, counted)
        for dataset, counted in sorted(inputs.items())
        if isinstance(counted, dict)
        and all(_is_count(counted.get(key)) for key in ("bytes_read", "bytes_on_disk"))
    ]


def _is_count(value: object) -> bool:
    """A whole number that a counter can have; what edits reports can write anything."""
    return type(value) is int and 0 <= value < 1 << 63


def judge_receipt(
    code: str, folder: Path, files: Sequence[Path], dataset: str, report: Mapping[str, Any] | None
) -> Verdict:
    """Whether the partition's bytes are still those that its run report vouches for."""
    if report is None or dataset not in report.get("outputs", {}):
        return Verdict(code, False, "there is no run report that names its receipt")
    recorded = report["outputs"][dataset].get("receipt")
    found = receipt(folder, files)
    return Verdict(
        code,
        found == recorded,
        "" if found == recorded else f"the files' receipt is {found}, the report's is {recorded}",
        {"receipt": found},
    )
