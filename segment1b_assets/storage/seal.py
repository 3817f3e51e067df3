"""S0: verify the 1A bundle, seal the inputs, write the receipt (contract §4, S0)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segment1b_assets.contracts.dictionary import dictionary
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import POLICY_MODELS
from segment1b_assets.core.stream import BATCH_ROWS
from segment1b_assets.storage.bundle import verify_flag
from segment1b_assets.storage.gate import (
    Receipt,
    changed_inputs,
    receipt_document,
    require_receipt,
    sealed_digests,
    write_once,
)
from segment1b_assets.storage.parquet import open_parquet, read_batches, reading
from segment1b_assets.storage.retire import retire, retire_bundle
from segment1b_assets.storage.run_inputs import REFERENCES, RunInputs


def pass_gate(inputs: RunInputs) -> Receipt:
    """Check the gate, seal the current inputs, and write the receipt if there is none.

    Sealed inputs that name other digests are retired, the 1B bundle first (contract §4, S0).

    Raises:
        Segment1BError: E_FLAG_BAD, E_INDEX_BAD, E_PARTITION_MISPLACED, E_INPUT_MISSING,
            E_INPUT_SCHEMA, E_POLICY_INVALID.
    """
    _, fingerprint = inputs.outlet_run
    bundle = inputs.ensure_local("validation_bundle_1A")
    if not bundle.is_dir():
        raise Segment1BError(
            "E_FLAG_BAD", f"there is no 1A validation bundle for {fingerprint}", file=bundle
        )
    digest = verify_flag(bundle)
    inputs.hash_inputs_anew()
    sealed = sealed_inputs(inputs)
    document = receipt_document(fingerprint, inputs.root.relative(bundle) + "/", digest, sealed)
    _retire_changed(inputs, {e["asset_id"]: e["sha256_hex"] for e in sealed})
    # The receipt last: where it exists, the sealed inputs exist too.
    write_once(inputs.root, "sealed_inputs_1B", sealed, manifest_fingerprint=fingerprint)
    write_once(inputs.root, "s0_gate_receipt_1B", document, manifest_fingerprint=fingerprint)
    return require_receipt(inputs.root, fingerprint)


def _retire_changed(inputs: RunInputs, present: dict[str, str]) -> None:
    if not _changed(inputs, present):
        return
    with inputs.root.exclusive_lock("retiring"):
        # Another run's S0 may have retired them while this one waited, and sealed the inputs anew.
        if changed := _changed(inputs, present):
            why = f"inputs changed: {', '.join(changed)}"
            retire_bundle(inputs, why)
            retire(inputs.root, "sealed_inputs_1B", inputs.path("sealed_inputs_1B"), why)


def _changed(inputs: RunInputs, present: dict[str, str]) -> list[str]:
    """The inputs that are sealed with another digest; none where nothing is sealed."""
    target = inputs.path("sealed_inputs_1B")
    if not inputs.root.exists(target):
        return []
    return changed_inputs(sealed_digests(inputs.root.ensure_local(target)), present)


def sealed_inputs(inputs: RunInputs) -> list[dict[str, Any]]:
    """Every input of the run with its hash, sorted by asset_id."""
    seed, fingerprint = inputs.outlet_run
    digests = inputs.sealed_digests
    run = {"seed": str(seed), "manifest_fingerprint": fingerprint}
    _require_placed(inputs, fingerprint)
    entries = []
    for name in (*REFERENCES, *POLICY_MODELS):
        version = dictionary()[name].version
        if version is None:
            version = str(inputs.policies[name].policy_version)
        path = inputs.ensure_local(name)
        entries.append(_entry(inputs, name, version, digests[name], path, {}))
    catalogue = inputs.path("outlet_catalogue")
    bundle = inputs.ensure_local("validation_bundle_1A")
    only_fp = {"manifest_fingerprint": fingerprint}
    for name, path, partition in (
        ("outlet_catalogue", catalogue, run),
        ("validation_bundle_1A", bundle, only_fp),
    ):
        entries.append(_entry(inputs, name, fingerprint, digests[name], path, partition))
    return sorted(entries, key=lambda e: str(e["asset_id"]))


def _entry(
    inputs: RunInputs, name: str, version: str, digest: str, path: Path, partition: dict[str, str]
) -> dict[str, Any]:
    slash = "/" if path.is_dir() else ""
    return {
        "asset_id": name,
        "version_tag": version,
        "sha256_hex": digest,
        "path": inputs.root.relative(path) + slash,
        "partition": partition,
        "schema_ref": f"contract.md#{name}",
    }


def _require_placed(inputs: RunInputs, fingerprint: str) -> None:
    """Refuse a catalogue none of whose rows has its folder's fingerprint."""
    seed, _ = inputs.outlet_run
    for path in inputs.root.part_files(
        "outlet_catalogue", seed=seed, manifest_fingerprint=fingerprint
    ):
        with open_parquet(path) as reader:
            if "manifest_fingerprint" not in reader.schema_arrow.names:
                return  # S3 reports faults of the schema
        held = _distinct_texts(path, "manifest_fingerprint")
        if held and fingerprint not in held:
            raise Segment1BError(
                "E_PARTITION_MISPLACED",
                f"the folder says manifest_fingerprint={fingerprint}, the rows another",
                file=path,
                value=min(held),
            )


def _distinct_texts(path: Path, column: str) -> set[str]:
    found: set[str] = set()
    with reading(path):  # text that is not UTF-8 raises only here
        for batch in read_batches([path], [column], BATCH_ROWS):
            found.update(map(str, batch.column(column).unique().to_pylist()))
    return found
