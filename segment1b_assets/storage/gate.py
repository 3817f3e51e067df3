"""S0's receipt and sealed inputs: written once, verified before use (contract §4, S0)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.input_files import require_file
from segment1b_assets.storage.bundle import verify_flag
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.published import Published

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


@dataclass(frozen=True)
class Receipt:
    """The fields of S0's receipt that later states use."""

    manifest_fingerprint: str
    flag_sha256_hex: str
    verified_at_utc: str


def utc_now() -> str:
    """Now, or SOURCE_DATE_EPOCH where that is set: RFC 3339, 6 decimals, Z.

    Raises:
        Segment1BError: E_POLICY_INVALID where the variable is not a number of seconds up to the
            year 9999.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.now(UTC) if not epoch else _moment_of(epoch)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment_of(epoch: str) -> datetime:
    try:
        # A year before 1000 would be written with fewer than four digits.
        if (seconds := int(epoch)) < 0:
            raise ValueError(epoch)
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as err:
        raise Segment1BError(
            "E_POLICY_INVALID",
            "the variable SOURCE_DATE_EPOCH must be whole seconds since 1970, in UTC",
            value=epoch,
            next_step="unset SOURCE_DATE_EPOCH or correct it, and start again",
        ) from err


def write_once(root: DataRoot, dataset: str, document: Any, **tokens: str) -> Published | None:
    """Publish a JSON document; None, and nothing done, where one exists."""
    target = root.path_for(dataset, **tokens)
    return with_retries(dataset, lambda: root.publish_once(target, as_json(document), dataset))


def as_json(document: Any) -> bytes:
    """Published JSON: keys in the order given, two spaces, one final line feed."""
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def receipt_document(
    fingerprint: str, bundle: str, digest: str, sealed: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The receipt; `sealed` is the sealed inputs' list."""
    return {
        "manifest_fingerprint": fingerprint,
        "validation_bundle_path": bundle,
        "flag_sha256_hex": digest,
        "verified_at_utc": utc_now(),
        "sealed_inputs": [
            {"id": s["asset_id"], "partition": s["partition"], "schema_ref": s["schema_ref"]}
            for s in sealed
        ],
    }


def require_receipt(root: DataRoot, fingerprint: str) -> Receipt:
    """Read S0's receipt and compare it with the 1A bundle as it is now.

    Raises:
        Segment1BError: E301_NO_PASS_FLAG where there is none, where it is not for this
            fingerprint, or where the 1A bundle no longer matches it.
    """
    path = root.ensure_local(root.path_for("s0_gate_receipt_1B", manifest_fingerprint=fingerprint))
    receipt = _read(path)
    if receipt.manifest_fingerprint != fingerprint:
        raise Segment1BError(
            "E301_NO_PASS_FLAG", "the receipt is for another manifest_fingerprint", file=path,
            value=receipt.manifest_fingerprint,
        )  # fmt: skip
    try:
        bundle = root.path_for("validation_bundle_1A", manifest_fingerprint=fingerprint)
        digest = verify_flag(root.ensure_local(bundle))
    except Segment1BError as err:
        raise Segment1BError(
            "E301_NO_PASS_FLAG", f"the 1A bundle no longer passes ({err.code}: {err.detail})",
            file=err.file, value=err.value,
        ) from err  # fmt: skip
    if digest != receipt.flag_sha256_hex:
        raise Segment1BError(
            "E301_NO_PASS_FLAG", "the 1A bundle is not the one that the receipt was written for",
            file=path, value=receipt.flag_sha256_hex,
        )  # fmt: skip
    return receipt


def require_sealed(root: DataRoot, fingerprint: str, present: Mapping[str, str]) -> None:
    """Compare the sealed inputs with the inputs as they are now.

    Args:
        present: asset_id -> hex digest.

    Raises:
        Segment1BError: E301_NO_PASS_FLAG, naming the inputs that differ.
    """
    path = root.ensure_local(root.path_for("sealed_inputs_1B", manifest_fingerprint=fingerprint))
    changed = changed_inputs(sealed_digests(path), present)
    if changed:
        raise Segment1BError(
            "E301_NO_PASS_FLAG",
            f"inputs changed since they were sealed: {', '.join(changed)}",
            file=path,
            value=changed[0],
            next_step="materialise s0_gate_receipt_1B (segment1b run --states s0): it seals the "
            "inputs as they are now",
        )


def changed_inputs(sealed: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """The inputs whose digest is not the sealed one, in order."""
    return [n for n in sorted({*sealed, *present}) if sealed.get(n) != present.get(n)]


def sealed_digests(path: Path) -> dict[str, str]:
    """asset_id -> hex digest of a sealed_inputs_1B.json; empty where it is absent or malformed."""
    try:
        return {e["asset_id"]: e["sha256_hex"] for e in json.loads(path.read_bytes())}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def _read(path: Path) -> Receipt:
    code = "E301_NO_PASS_FLAG"
    require_file(path, missing=code, unreadable=code, what="the S0 receipt")
    try:
        document = json.loads(path.read_bytes())
        receipt = Receipt(
            document["manifest_fingerprint"],
            document["flag_sha256_hex"],
            document["verified_at_utc"],
        )
        # It goes into every RNG event unchanged.
        if not _MOMENT.fullmatch(receipt.verified_at_utc):
            raise ValueError(f"verified_at_utc is {receipt.verified_at_utc!r}")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as err:
        raise Segment1BError(
            "E301_NO_PASS_FLAG", f"the S0 receipt is malformed: {err!r}", file=path
        ) from err
    return receipt
