"""A slow publisher of the truth, so that the referee itself can be tested.

It writes what ``expected`` computes where the contract puts it: a world published this way must
compare as identical, and one altered value of it must be found. The product never uses it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import layout
from .area import cell_area_m2
from .bundle import flag_digest, write_bundle
from .expected import CountryTruth, Truth
from .identity import Tokens, find_tokens, polygon_sha256, sha256_file
from .sites import trace
from .tables import COLUMNS, ISO, expected_rows
from .tiles import country_tiles

TS_UTC = "2025-11-23T01:02:03.000000Z"


def publish_truth(root: Path) -> None:
    """Write every output of S0 to S9, with reports of what the contract names for sure."""
    tokens = find_tokens(root)
    _write_json(layout.receipt_path(root, tokens.manifest_fingerprint), _receipt(root, tokens))
    sealed = _sealed(root)
    _write_json(layout.sealed_path(root, tokens.manifest_fingerprint), sealed)
    world = Truth(root, tokens, TS_UTC)
    truths = []
    for iso in world.codes:
        truth = world.country(iso, lambda code: _areas(world, code))
        truths.append(truth)
        for dataset, state in layout.STATE_OF.items():
            if truth.publishes(int(state[1:])):
                _write_partition(root, dataset, truth, world)
        _write_logs(root, tokens, truth)
        _write_reports(root, truth, world)
    t = tokens
    audit = layout.audit_path(root, t.seed, t.parameter_hash, t.run_id)
    row = {"algorithm": "philox2x64-10", "build_commit": "none", "platform": "none"}
    _write_lines(audit, [row | vars(tokens)])
    _write_bundle_1b(root, tokens, truths)


def _areas(world: Truth, iso: str) -> list[float]:
    rule, grid = world.settings.inclusion_rule, world.raster.grid
    tiles = country_tiles(grid, world.polygons.get(iso, []), rule)
    return [float(cell_area_m2(t.min_lon, t.max_lon, t.min_lat, t.max_lat)) for t in tiles]


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _receipt(root: Path, tokens: Tokens) -> dict[str, Any]:
    folder = layout.bundle_1a(root, tokens.manifest_fingerprint)
    return {
        "manifest_fingerprint": tokens.manifest_fingerprint,
        "validation_bundle_path": folder.relative_to(root).as_posix(),
        "flag_sha256_hex": flag_digest(folder),
        "verified_at_utc": TS_UTC,
        "sealed_inputs": [],
    }


def _sealed(root: Path) -> list[dict[str, str]]:
    files = sorted(layout.sealed_files(root), key=lambda path: path.name)
    return [
        {
            "asset_id": path.name,
            "version_tag": "1",
            "sha256_hex": sha256_file(path).hex(),
            "path": path.relative_to(root).as_posix(),
            "partition": "",
            "schema_ref": "",
        }
        for path in files
    ]


def _write_partition(root: Path, dataset: str, truth: CountryTruth, world: Truth) -> None:
    t = world.run.tokens
    rows = expected_rows(dataset, truth, world.settings, t)
    if dataset == "tile_index":
        areas = _areas(world, truth.iso)
        rows = [(*row[:6], area, row[7]) for row, area in zip(rows, areas, strict=True)]
    columns = {}
    for i, (name, kind) in enumerate(COLUMNS[dataset]):
        iso = pa.dictionary(pa.int32(), pa.string())
        arrow = iso if kind == ISO else pa.type_for_alias(kind)
        columns[name] = pa.array([row[i] for row in rows], arrow)
    fp, ph = t.manifest_fingerprint, t.parameter_hash
    lineage = layout.dataset_tokens(dataset, t.seed, fp, ph)
    lineage |= {"country": truth.iso, "parameter_hash": ph, "contract_version": "2"}
    lineage |= {"polygon_sha256": polygon_sha256(root, truth.iso)}
    table = pa.table(columns).replace_schema_metadata(lineage)
    folder = layout.partition_dir(root, dataset, t.seed, fp, ph, truth.iso)
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part-00000.parquet")


def _write_logs(root: Path, t: Tokens, truth: CountryTruth) -> None:
    for family, events in truth.events.items():
        if events:
            folder = layout.events_dir(root, family, t.seed, t.parameter_hash, t.run_id)
            _write_lines(folder / f"part-{truth.iso}.jsonl", events)
            traces = layout.trace_dir(root, t.seed, t.parameter_hash, t.run_id)
            _write_lines(traces / f"{family}-{truth.iso}.jsonl", trace(events))


def _write_reports(root: Path, truth: CountryTruth, world: Truth) -> None:
    t, grid = world.run.tokens, world.raster.grid
    ids, scale = [tile.tile_id for tile in truth.tiles], 10**world.settings.dp
    cells = {
        "cells_visited": grid.nrows * grid.ncols,
        "cells_included": len(ids),
        "cells_excluded_outside": grid.nrows * grid.ncols - len(ids),
        "cells_excluded_hole": 0,
        "tile_id_min": min(ids, default=None),
        "tile_id_max": max(ids, default=None),
        "predicate": world.settings.inclusion_rule,
    }
    weighing = {
        "tiles": len(ids),
        "K": scale,
        "postquant_sum_fp": sum(truth.weights.weights),
        "residue_allocations": truth.weights.residue_allocations,
        "zero_mass_fallback": truth.weights.zero_mass_fallback,
    }
    for number in range(1, 9):
        state, ph, fp = f"s{number}", t.parameter_hash, t.manifest_fingerprint
        if truth.publishes(number):
            path = layout.report_path(root, state, t.seed, fp, ph, truth.iso)
            _write_json(path, {"counters": {1: cells, 2: weighing}.get(number, {})})
        elif number == min(truth.failures):
            told = {"event": f"S{number}_ERROR", "code": truth.failures[number]}
            folder = root / f"reports/layer1/1B/failures/state=S{number}"
            _write_json(folder / f"{truth.iso}.json", told | {"country": truth.iso})


def _write_bundle_1b(root: Path, t: Tokens, truths: list[CountryTruth]) -> None:
    if not all(truth.publishes(8) or truth.downstream_open for truth in truths):
        return
    fp, ph = t.manifest_fingerprint, t.parameter_hash
    rows = {truth.iso: len(truth.sites) for truth in truths if truth.sites}
    families = {}
    for family in layout.FAMILIES:
        log = [event for truth in truths for event in truth.events[family]]
        if not log:
            continue
        families[family] = {
            "coverage_ok": True,
            "events_total": len(log),
            "blocks_total": len(log),
            "draws_total": sum(int(event["draws"]) for event in log),
            "envelope_failures": 0,
            "trace_reconciled": True,
        }
    total = sum(rows.values())
    summary = {
        "identity": vars(t),
        "sizes": {"rows_s7": total, "rows_s8": total, "parity_ok": True},
        "egress": {"path": "", "writer_sort_violations": 0, "path_embed_mismatches": 0},
        "rng": {"families": families},
        "by_country": {
            iso: {"rows_s7": count, "rows_s8": count, "parity_ok": True}
            for iso, count in rows.items()
        },
    }
    digests = {}
    for iso in rows:
        folder = layout.partition_dir(root, "site_locations", t.seed, fp, ph, iso)
        for path in sorted(folder.glob("*")):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            digests[path.relative_to(root).as_posix()] = digest
    parts: dict[str, Any] = {
        "MANIFEST.json": {"manifest_fingerprint": fp},
        "parameter_hash_resolved.json": {"parameter_hash": ph},
        "manifest_fingerprint_resolved.json": {"manifest_fingerprint": fp},
        "rng_accounting.json": families,
        "s9_summary.json": summary,
        "egress_checksums.json": digests,
    }
    raw = {name: json.dumps(value).encode() for name, value in parts.items()}
    write_bundle(layout.bundle_1b(root, fp), raw)
