"""Say how a root's published data differs from the contract: ``compare_world``.

Every difference is one line that names the file or partition, the column and the first values that
differ. Floats are compared by their 64 bits; pixel_area_m2 by a relative error of at most 1e-9.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import compare_gate, compare_logs, layout
from .area import cell_area_m2
from .expected import CountryTruth, NoAreas, Truth
from .identity import find_tokens, polygon_sha256
from .tables import COLUMNS, Row, expected_rows, type_matches

STATES = ("s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9")
AREA_TOLERANCE = Decimal("1e-9")


def compare_world(
    root: Path,
    states: Iterable[str] = STATES,
    countries: Iterable[str] | None = None,
    reports: bool = True,
) -> list[str]:
    """Differences between what lies under ``root`` and the contract; empty means identical.

    ``states`` limits the comparison to what has been run; ``countries`` likewise (S9's bundle is
    then judged only if every country with outlets is among them). Run reports and failure events
    are judged where ``reports`` is true.
    """
    wanted = set(states)
    tokens = find_tokens(root)
    differences, ts_utc = compare_gate.compare_s0(root, tokens) if "s0" in wanted else ([], None)
    truth = Truth(root, tokens, ts_utc or compare_gate.verified_at(root, tokens) or "")
    isos = truth.codes if countries is None else sorted(set(countries))
    truths: dict[str, CountryTruth] = {}
    judge = _Judge(root, truth, truths)
    for iso in isos:
        differences += judge.country(iso, wanted)
    differences += compare_logs.compare_logs(root, tokens, truths, wanted, countries is None)
    if reports:
        differences += compare_logs.compare_reports(root, truth, truths, wanted)
    if "s9" in wanted and set(truth.outlets) <= set(isos):
        differences += compare_gate.compare_s9(root, tokens, truths)
    return differences


class _Judge:
    """One root's partitions against its truth."""

    def __init__(self, root: Path, truth: Truth, truths: dict[str, CountryTruth]) -> None:
        self.root, self.truth, self.truths = root, truth, truths
        self.tokens = truth.run.tokens

    def folder(self, dataset: str, iso: str) -> Path:
        t = self.tokens
        ph, fp = t.parameter_hash, t.manifest_fingerprint
        return layout.partition_dir(self.root, dataset, t.seed, fp, ph, iso)

    def published_areas(self, iso: str) -> list[float]:
        """pixel_area_m2 as tile_index publishes it, in tile order; NoAreas if unusable."""
        try:
            column = _read(self.folder("tile_index", iso)).column("pixel_area_m2").to_pylist()
        except (OSError, KeyError, ValueError, pa.ArrowException) as reason:
            raise NoAreas(f"unreadable: {reason}") from reason
        if not all(isinstance(area, float) and 0 < area < math.inf for area in column):
            raise NoAreas("not every area is a positive number")
        return [float(area) for area in column]

    def country(self, iso: str, wanted: set[str]) -> list[str]:
        try:
            truth = self.truth.country(iso, self.published_areas)
        except NoAreas as reason:
            return [f"tile_index {iso}: gives no areas to weigh by: {reason}"]
        self.truths[iso] = truth
        found = []
        for dataset, state in layout.STATE_OF.items():
            if state in wanted:
                found += self.partition(dataset, int(state[1:]), truth)
        return found

    def partition(self, dataset: str, state: int, truth: CountryTruth) -> list[str]:
        folder = self.folder(dataset, truth.iso)
        name = f"{dataset} {truth.iso}"
        there = folder.is_dir()
        if not truth.publishes(state):
            may_be_empty = truth.downstream_open and state > 2
            files = sorted(folder.glob("*.parquet"))
            empty = may_be_empty and all(pq.read_metadata(path).num_rows == 0 for path in files)
            if there and not empty:
                return [f"{name}: published, but should have failed: {truth.failures}"]
            return []
        if not there:
            return [f"{name}: nothing published at {folder.relative_to(self.root)}"]
        stray = [p.name for p in folder.rglob("*") if p.suffix != ".parquet" or p.is_dir()]
        found = [f"{name}: stray files in the partition: {sorted(stray)}"] if stray else []
        if not (folder / "part-00000.parquet").is_file():
            found.append(f"{name}: no part-00000.parquet")
        try:
            table = _read(folder)
        except (OSError, ValueError, pa.ArrowException) as reason:
            return [*found, f"{name}: unreadable: {reason}"]
        found += _schema_faults(name, dataset, table.schema)
        found += self._lineage(name, dataset, truth.iso, folder)
        if found and [field.name for field in table.schema] != [c for c, _ in COLUMNS[dataset]]:
            return found
        rows = expected_rows(dataset, truth, self.truth.settings, self.tokens)
        found += _row_faults(name, dataset, table, rows)
        if dataset == "tile_index":
            found += _area_faults(name, table, truth)
        return found

    def _lineage(self, name: str, dataset: str, iso: str, folder: Path) -> list[str]:
        t = self.tokens
        fp, ph = t.manifest_fingerprint, t.parameter_hash
        wanted = layout.dataset_tokens(dataset, t.seed, fp, ph) | {"country": iso}
        wanted["polygon_sha256"] = polygon_sha256(self.root, iso)
        if dataset == "site_locations":
            wanted["parameter_hash"] = ph
        found = []
        for path in sorted(folder.glob("*.parquet")):
            metadata = pq.read_schema(path).metadata or {}
            values = {k.decode(): v for k, v in metadata.items() if k != b"ARROW:schema"}
            for token, value in wanted.items():
                if not any(value.encode() in text for text in values.values()):
                    found.append(f"{name}: {path.name} carries no {token} {value} in its metadata")
            if not any("contract" in key for key in values) and b"contract" not in b"".join(
                values.values()
            ):
                found.append(f"{name}: {path.name} carries no contract version in its metadata")
        return found


def _read(folder: Path) -> pa.Table:
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise ValueError(f"no parquet file in {folder.name}")
    # One file at a time: a dataset reader would add columns out of the path's tokens.
    tables = [pq.ParquetFile(path).read() for path in files]
    return pa.concat_tables(tables)


def _schema_faults(name: str, dataset: str, schema: pa.Schema) -> list[str]:
    wanted = COLUMNS[dataset]
    if schema.names != [column for column, _ in wanted]:
        return [f"{name}: columns are {schema.names}, should be {[c for c, _ in wanted]}"]
    return [
        f"{name}: {column} is {schema.field(column).type}, should be {kind}"
        for column, kind in wanted
        if not type_matches(schema.field(column).type, kind)
    ]


def bits(value: Any) -> Any:
    """A float by its 64 bits, anything else as it is."""
    return struct.pack(">d", value) if isinstance(value, float) else value


def _row_faults(name: str, dataset: str, table: pa.Table, wanted: Sequence[Row]) -> list[str]:
    found = [
        f"{name}: {column} has {table.column(column).null_count} nulls"
        for column in table.schema.names
        if table.column(column).null_count
    ]
    have: list[Row] = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    judged = [i for i, (column, _) in enumerate(COLUMNS[dataset]) if column != "pixel_area_m2"]
    have_bits = [tuple(bits(row[i]) for i in judged) for row in have]
    want_bits = [tuple(bits(row[i]) for i in judged) for row in wanted]
    if have_bits == want_bits:
        return found
    if sorted(map(repr, have_bits)) == sorted(map(repr, want_bits)):
        return [*found, f"{name}: the right rows in another order"]
    if len(have) != len(wanted):
        found.append(f"{name}: {len(have)} rows, should be {len(wanted)}")
    extra, missing = set(have_bits) - set(want_bits), set(want_bits) - set(have_bits)
    rows = {True: zip(have_bits, have, strict=True), False: zip(want_bits, wanted, strict=True)}
    for key, word, keys in ((True, "unexpected", extra), (False, "missing", missing)):
        shown = [row for row_bits, row in rows[key] if row_bits in keys][:3]
        if shown:
            found.append(f"{name}: {len(keys)} {word} rows, first {shown}")
    if not extra and not missing:
        found.append(f"{name}: rows repeat or are lacking in number")
    return found


def _area_faults(name: str, table: pa.Table, truth: CountryTruth) -> list[str]:
    column = table.column("pixel_area_m2").to_pylist()
    if len(column) != len(truth.tiles):
        return []
    for tile, have in zip(truth.tiles, column, strict=True):
        want = cell_area_m2(tile.min_lon, tile.max_lon, tile.min_lat, tile.max_lat)
        if have is None or not abs(Decimal(have) - want) <= AREA_TOLERANCE * want:
            return [f"{name}: pixel_area_m2 of tile {tile.tile_id} is {have}, should be {want:.6f}"]
    return []
