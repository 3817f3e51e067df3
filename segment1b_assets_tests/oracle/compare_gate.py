"""S0's receipt and sealed inputs, and S9's bundle, against the contract.

Interpretations taken: a sealed input's ``path`` is relative to the root, and the digest of a folder
is its determinism receipt (of a validation bundle, its flag's digest will do too); egress_checksums
is a mapping, or has one inside it, whose keys end in ``country=XX/<file>``; by_country may also
name countries without outlets if their rows are 0.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from . import layout
from .bundle import FLAG, flag_digest, flag_faults
from .compare_logs import find_key
from .expected import CountryTruth
from .identity import Tokens, receipt, sha256_file

CLOCK = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
SEALED_KEYS = {"asset_id", "version_tag", "sha256_hex", "path", "partition", "schema_ref"}
RECEIPT_KEYS = {
    "manifest_fingerprint",
    "validation_bundle_path",
    "flag_sha256_hex",
    "verified_at_utc",
    "sealed_inputs",
}


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def verified_at(root: Path, tokens: Tokens) -> str | None:
    """The receipt's clock, which every event repeats; None without a receipt."""
    found = _load(layout.receipt_path(root, tokens.manifest_fingerprint))
    return found.get("verified_at_utc") if isinstance(found, dict) else None


def compare_s0(root: Path, tokens: Tokens) -> tuple[list[str], str | None]:
    """Differences of S0's two files, and the receipt's clock."""
    fp = tokens.manifest_fingerprint
    have, sealed = _load(layout.receipt_path(root, fp)), _load(layout.sealed_path(root, fp))
    if not isinstance(have, dict):
        return ["s0 receipt: missing or not an object"], None
    found = []
    if set(have) != RECEIPT_KEYS:
        found.append(f"s0 receipt: keys are {sorted(have)}, should be {sorted(RECEIPT_KEYS)}")
    digest = flag_digest(layout.bundle_1a(root, fp))
    for key, value in (("manifest_fingerprint", fp), ("flag_sha256_hex", digest)):
        if have.get(key) != value:
            found.append(f"s0 receipt: {key} is {have.get(key)!r}, should be {value!r}")
    clock = str(have.get("verified_at_utc"))
    if not CLOCK.fullmatch(clock):
        found.append(f"s0 receipt: verified_at_utc is {clock!r}")
    if not isinstance(sealed, list):
        sealed = next(find_key(sealed, "sealed_inputs"), None)
    if not isinstance(sealed, list):
        return [*found, "sealed inputs: missing or not a list"], clock
    return found + _sealed_faults(root, tokens, sealed), clock


def _sealed_faults(root: Path, tokens: Tokens, sealed: list[Any]) -> list[str]:
    found = []
    ids = [str(entry.get("asset_id")) for entry in sealed]
    if ids != sorted(ids, key=lambda text: text.encode("utf-8")):
        found.append("sealed inputs: not sorted by asset_id")
    for entry in sealed:
        name = f"sealed input {entry.get('asset_id')}"
        if set(entry) != SEALED_KEYS:
            found.append(f"{name}: keys are {sorted(entry)}, should be {sorted(SEALED_KEYS)}")
            continue
        path = root / str(entry["path"])
        if path.is_file():
            fitting = {sha256_file(path).hex()}
        elif path.is_dir():
            fitting = {receipt(path)} | ({flag_digest(path)} if (path / FLAG).is_file() else set())
        else:
            found.append(f"{name}: its path {entry['path']} is not there")
            continue
        if entry["sha256_hex"] not in fitting:
            found.append(f"{name}: sha256_hex {entry['sha256_hex']} is not its path's")
    sealed_digests = {entry.get("sha256_hex") for entry in sealed}
    references = [layout.iso_path(root), layout.polygons_path(root), layout.raster_path(root)]
    for path in references:
        if sha256_file(path).hex() not in sealed_digests:
            found.append(f"sealed inputs: {path.name} is not among them")
    return found


def compare_s9(root: Path, tokens: Tokens, truths: dict[str, CountryTruth]) -> list[str]:
    """Differences of S9's bundle; where a country with outlets failed there must be no flag."""
    folder = layout.bundle_1b(root, tokens.manifest_fingerprint)
    failed = [
        iso for iso, truth in truths.items() if not truth.downstream_open and not truth.publishes(8)
    ]
    if failed:
        flagged = (folder / FLAG).exists()
        return [f"s9: the flag is there although {failed} failed"] if flagged else []
    if not folder.is_dir():
        return ["s9: no bundle"]
    found = [f"s9: {fault}" for fault in flag_faults(folder)]
    resolved = ["parameter_hash_resolved", "manifest_fingerprint_resolved"]
    names = ["MANIFEST", *resolved, "rng_accounting", "s9_summary", "egress_checksums"]
    parts = {name: _load(folder / f"{name}.json") for name in names}
    found += [f"s9: {name}.json is missing or not JSON" for name in parts if not parts[name]]
    for name, value in (
        ("parameter_hash_resolved", tokens.parameter_hash),
        ("manifest_fingerprint_resolved", tokens.manifest_fingerprint),
    ):
        if value not in json.dumps(parts[name]):
            found.append(f"s9: {name}.json does not say {value}")
    if isinstance(parts["s9_summary"], dict):
        found += _summary_faults(parts["s9_summary"], tokens, truths)
    return found + _egress_faults(root, tokens, truths, parts["egress_checksums"])


def _summary_faults(
    summary: dict[str, Any], tokens: Tokens, truths: dict[str, CountryTruth]
) -> list[str]:
    rows = {iso: len(truth.sites) for iso, truth in truths.items()}
    total = sum(rows.values())
    wanted: dict[str, Any] = {
        "identity.seed": tokens.seed,
        "identity.parameter_hash": tokens.parameter_hash,
        "identity.manifest_fingerprint": tokens.manifest_fingerprint,
        "identity.run_id": tokens.run_id,
        "sizes.rows_s7": total,
        "sizes.rows_s8": total,
        "sizes.parity_ok": True,
        "egress.writer_sort_violations": 0,
        "egress.path_embed_mismatches": 0,
    }
    by_family = {
        family: [event for truth in truths.values() for event in truth.events[family]]
        for family in layout.FAMILIES
    }
    if not by_family["site_tile_plan"]:
        del by_family["site_tile_plan"]
    for family, events in by_family.items():
        totals = {
            "coverage_ok": True,
            "events_total": len(events),
            "blocks_total": len(events),
            "draws_total": sum(int(event["draws"]) for event in events),
            "envelope_failures": 0,
            "trace_reconciled": True,
        }
        wanted |= {f"rng.families.{family}.{key}": value for key, value in totals.items()}
    said = summary.get("by_country")
    by_country = said if isinstance(said, dict) else {}
    for iso in sorted({*by_country, *(iso for iso in rows if rows[iso])}):
        entry = {"rows_s7": rows.get(iso, 0), "rows_s8": rows.get(iso, 0), "parity_ok": True}
        wanted |= {f"by_country.{iso}.{key}": value for key, value in entry.items()}
    found = []
    for path, value in wanted.items():
        have: Any = summary
        for key in path.split("."):
            have = have.get(key) if isinstance(have, dict) else None
        # A u64 seed or a total may be written as a decimal string; a truth value may not.
        same = have is value if isinstance(value, bool) else str(have) == str(value)
        if not same:
            found.append(f"s9_summary: {path} is {have!r}, should be {value!r}")
    return found


def _egress_faults(
    root: Path, tokens: Tokens, truths: dict[str, CountryTruth], said: Any
) -> list[str]:
    fp, ph = tokens.manifest_fingerprint, tokens.parameter_hash
    pairs = dict(_string_pairs(said))
    found = []
    for iso, truth in truths.items():
        folder = layout.partition_dir(root, "site_locations", tokens.seed, fp, ph, iso)
        for path in sorted(folder.glob("*")):
            tail = f"country={iso}/{path.name}"
            listed = [digest for key, digest in pairs.items() if key.endswith(tail)]
            # A country without outlets has an empty file, which a bundle over countries with
            # outlets may leave out.
            if not listed and not truth.sites:
                continue
            if listed != [hashlib.sha256(path.read_bytes()).hexdigest()]:
                found.append(f"egress_checksums: {tail} is {listed}, which is not the file's")
    tails = {key.rsplit("country=", 1)[-1] for key in pairs if "country=" in key}
    for tail in sorted(tails):
        folder = layout.partition_dir(root, "site_locations", tokens.seed, fp, ph, "XX").parent
        if not (folder / f"country={tail}").is_file():
            found.append(f"egress_checksums: country={tail} is not there")
    return found


def _string_pairs(value: Any) -> list[tuple[str, str]]:
    """Path and digest pairs of a mapping, nested or as a list of objects with both."""
    if isinstance(value, dict):
        if isinstance(value.get("path"), str):
            digests = [v for k, v in value.items() if k != "path" and "sha256" in k]
            return [(value["path"], str(digest)) for digest in digests]
        pairs = [(key, inner) for key, inner in value.items() if isinstance(inner, str)]
        nested = [inner for inner in value.values() if not isinstance(inner, str)]
        return pairs + [pair for inner in nested for pair in _string_pairs(inner)]
    if isinstance(value, list):
        return [pair for inner in value for pair in _string_pairs(inner)]
    return []
