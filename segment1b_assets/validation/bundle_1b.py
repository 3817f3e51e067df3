"""The 1B validation bundle: its documents, its flag, its publishing (contract §4, S9)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segment1b_assets.contracts import CONTRACT_VERSION
from segment1b_assets.storage.bundle import FLAG, INDEX, bundle_digest, flag_text
from segment1b_assets.storage.gate import as_json
from segment1b_assets.storage.published import Published
from segment1b_assets.storage.retire import bundle_seed, retire
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.rng_evidence import Family, families
from segment1b_assets.validation.world_findings import WorldFindings


def publish_bundle(inputs: RunInputs, findings: WorldFindings) -> Published:
    """Write the bundle, with the flag only if nothing stands against it.

    A bundle without a flag vouches for nothing and makes way for the next one. One with a flag is
    immutable while it holds; where the findings now speak against it, it is retired, flag first.

    Raises:
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where another passed bundle is
            there and this one would pass too.
    """
    target = inputs.path("validation_bundle_1B")
    with inputs.root.staging_area() as work:
        folder = work / "bundle"
        folder.mkdir()
        # Written before the old one goes: a full disk must not leave us without either.
        _write(folder, inputs, findings)
        with inputs.root.exclusive_lock("retiring"):
            if inputs.root.exists(target) and (reason := _superseded(inputs, findings)):
                retire(inputs.root, "validation_bundle_1B", target, f"S9: {reason}")
        return inputs.root.publish(folder, target, dataset="validation_bundle_1B", country=None)


def _superseded(inputs: RunInputs, findings: WorldFindings) -> str:
    """Why the bundle that stands is retired; empty where it may stand."""
    bundle = inputs.ensure_local("validation_bundle_1B")
    if findings.faults:
        return "; ".join(findings.faults[:5])
    if not (bundle / FLAG).is_file():
        return "a bundle without a flag"
    seed = bundle_seed(bundle)
    return "" if seed == str(inputs.identity.seed) else f"it is of seed {seed}"


def _write(folder: Path, inputs: RunInputs, findings: WorldFindings) -> None:
    documents = {
        "MANIFEST.json": _manifest(inputs, findings),
        "parameter_hash_resolved.json": {"parameter_hash": inputs.parameter_hash},
        "manifest_fingerprint_resolved.json": {
            "manifest_fingerprint": inputs.identity.manifest_fingerprint
        },
        "rng_accounting.json": _rng_accounting(inputs, findings),
        "s9_summary.json": summary(inputs, findings),
        "egress_checksums.json": findings.egress,
    }
    names = sorted([*documents, INDEX])
    index = [{"artifact_id": name.rsplit(".", 1)[0], "path": name} for name in names]
    for name, document in {**documents, INDEX: index}.items():
        (folder / name).write_bytes(as_json(document))
    if findings.passed:
        (folder / FLAG).write_text(flag_text(bundle_digest(folder)), encoding="ascii")


def _identity(inputs: RunInputs) -> dict[str, Any]:
    return {**inputs.identity.tokens, "seed": inputs.identity.seed}


def _manifest(inputs: RunInputs, findings: WorldFindings) -> dict[str, Any]:
    return {
        "segment": "1B",
        "contract_version": CONTRACT_VERSION,
        "identity": _identity(inputs),
        "passed": findings.passed,
        "against": findings.faults,
        "countries": [c.country for c in findings.countries],
        "egress_files": len(findings.egress),
    }


def _families(inputs: RunInputs) -> dict[str, Family]:
    return families(inputs.policies["policy.s4.alloc_plan"])


def _family(findings: WorldFindings, name: str) -> dict[str, Any]:
    each = [c.evidence[name] for c in findings.countries if name in c.evidence]
    complete = len(each) == len(findings.countries)
    return {
        "coverage_ok": complete and all(e.coverage_ok for e in each),
        "events_total": sum(e.events_total for e in each),
        "blocks_total": sum(e.blocks_total for e in each),
        "draws_total": sum(e.draws_total for e in each),
        "envelope_failures": sum(e.envelope_failures for e in each),
        "trace_reconciled": complete and all(e.trace_reconciled for e in each),
    }


def _rng_accounting(inputs: RunInputs, findings: WorldFindings) -> dict[str, Any]:
    return {
        "identity": _identity(inputs),
        "families": {
            label: {
                **_family(findings, label),
                "module": family.module,
                "by_country": {
                    c.country: {
                        "events_total": c.evidence[label].events_total,
                        "blocks_total": c.evidence[label].blocks_total,
                        "draws_total": c.evidence[label].draws_total,
                    }
                    for c in findings.countries
                    if label in c.evidence
                },
            }
            for label, family in _families(inputs).items()
        },
    }


def summary(inputs: RunInputs, findings: WorldFindings) -> dict[str, Any]:
    """s9_summary.json."""
    rows_s7 = sum(c.rows_s7 for c in findings.countries)
    rows_s8 = sum(c.rows_s8 for c in findings.countries)
    return {
        "identity": _identity(inputs),
        "sizes": {
            "rows_s7": rows_s7,
            "rows_s8": rows_s8,
            "parity_ok": rows_s7 == rows_s8 and all(c.parity_ok for c in findings.countries),
        },
        "egress": {
            "path": inputs.root.relative(inputs.path("site_locations", "AA").parent) + "/",
            "writer_sort_violations": sum(c.sort_violations for c in findings.countries),
            "path_embed_mismatches": sum(c.token_mismatches for c in findings.countries),
        },
        "rng": {"families": {label: _family(findings, label) for label in _families(inputs)}},
        "by_country": {
            c.country: {"rows_s7": c.rows_s7, "rows_s8": c.rows_s8, "parity_ok": c.parity_ok}
            for c in findings.countries
        },
    }
