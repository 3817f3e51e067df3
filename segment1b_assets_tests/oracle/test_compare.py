"""The referee finds what is wrong: a world published from the truth, then altered in one place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from . import layout
from .compare import compare_world
from .identity import Tokens, find_tokens
from .publish import publish_truth
from .world import World, make_world

KNOBS = {"inclusion_rule": "center", "basis": "population", "masses": "plain", "dp": 12}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("oracle") / "world"
    world = make_world(root, 11, feasible=True, **KNOBS)  # type: ignore[arg-type]
    publish_truth(root)
    return world


Change = Callable[[Path, Tokens, str], None]


def _partition(root: Path, t: Tokens, iso: str, dataset: str) -> Path:
    ph, fp = t.parameter_hash, t.manifest_fingerprint
    return layout.partition_dir(root, dataset, t.seed, fp, ph, iso) / "part-00000.parquet"


def _column(dataset: str, column: str, change: Callable[[pa.Array], pa.Array]) -> Change:
    def apply(root: Path, t: Tokens, iso: str) -> None:
        path = _partition(root, t, iso, dataset)
        table = pq.ParquetFile(path).read()
        at = table.schema.get_field_index(column)
        new = change(table.column(column).combine_chunks())
        metadata = table.schema.metadata
        table = table.set_column(at, pa.field(column, new.type), new)
        pq.write_table(table.replace_schema_metadata(metadata), path)

    return apply


def _first_plus(step: int) -> Callable[[pa.Array], pa.Array]:
    def change(array: pa.Array) -> pa.Array:
        values = array.to_pylist()
        return pa.array([values[0] + step, *values[1:]], array.type)

    return change


def _first_ulp(array: pa.Array) -> pa.Array:
    values = array.to_numpy().copy()
    values[0] = np.nextafter(values[0], 1e9)
    return pa.array(values)


def _reverse(dataset: str) -> Change:
    def apply(root: Path, t: Tokens, iso: str) -> None:
        path = _partition(root, t, iso, dataset)
        table = pq.ParquetFile(path).read()
        pq.write_table(table.take(list(range(table.num_rows))[::-1]), path)

    return apply


def _drop_event(root: Path, t: Tokens, iso: str) -> None:
    folder = layout.events_dir(root, "in_cell_jitter", t.seed, t.parameter_hash, t.run_id)
    path = folder / f"part-{iso}.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def _edit_event(key: str, value: object) -> Change:
    def apply(root: Path, t: Tokens, iso: str) -> None:
        folder = layout.events_dir(root, "site_tile_assign", t.seed, t.parameter_hash, t.run_id)
        path = folder / f"part-{iso}.jsonl"
        lines = path.read_text().splitlines()
        lines[0] = json.dumps(json.loads(lines[0]) | {key: value})
        path.write_text("\n".join(lines) + "\n")

    return apply


def _trace_total(root: Path, t: Tokens, iso: str) -> None:
    path = layout.trace_dir(root, t.seed, t.parameter_hash, t.run_id)
    path /= f"site_tile_assign-{iso}.jsonl"
    lines = path.read_text().splitlines()
    lines[-1] = json.dumps(json.loads(lines[-1]) | {"draws_total": 0})
    path.write_text("\n".join(lines) + "\n")


def _delete(dataset: str) -> Change:
    return lambda root, t, iso: shutil.rmtree(_partition(root, t, iso, dataset).parent)


def _stray_file(root: Path, t: Tokens, iso: str) -> None:
    (_partition(root, t, iso, "tile_index").parent / "report.json").write_text("{}")


def _flag(root: Path, t: Tokens, _: str) -> None:
    (layout.bundle_1b(root, t.manifest_fingerprint) / "s9_summary.json").write_text("{}")


def _reencode(root: Path, t: Tokens, iso: str) -> None:
    path = _partition(root, t, iso, "site_locations")
    pq.write_table(pq.ParquetFile(path).read(), path, compression="zstd")


def _no_lineage(root: Path, t: Tokens, iso: str) -> None:
    path = _partition(root, t, iso, "s4_alloc_plan")
    pq.write_table(pq.ParquetFile(path).read().replace_schema_metadata(None), path)


def _report(root: Path, t: Tokens, iso: str) -> None:
    ph, fp = t.parameter_hash, t.manifest_fingerprint
    path = layout.report_path(root, "s2", t.seed, fp, ph, iso)
    path.write_text(path.read_text().replace('"postquant_sum_fp": 1', '"postquant_sum_fp": 2'))


CHANGES: dict[str, tuple[Change, str]] = {
    "tile id": (_column("tile_index", "tile_id", _first_plus(100000)), "tile_index"),
    "area": (_column("tile_index", "pixel_area_m2", _first_plus(1000)), "pixel_area_m2"),
    "bound by an ulp": (_column("tile_bounds", "min_lon_deg", _first_ulp), "tile_bounds"),
    "weight": (_column("tile_weights", "weight_fp", _first_plus(1)), "tile_weights"),
    "weight's type": (
        _column("tile_weights", "weight_fp", lambda a: a.cast(pa.uint64())),
        "weight_fp is uint64",
    ),
    "plain code": (
        _column("tile_weights", "country_iso", lambda a: a.dictionary_decode()),
        "country_iso is string",
    ),
    "nulls": (
        _column("tile_bounds", "max_lat_deg", lambda a: pc.if_else(pc.is_finite(a), None, a)),
        "nulls",
    ),
    "sites of a pair": (_column("s3_requirements", "n_sites", _first_plus(1)), "s3_req"),
    "plan": (_column("s4_alloc_plan", "n_sites_tile", _first_plus(1)), "s4_alloc_plan"),
    "order": (_reverse("s5_site_tile_assignment"), "another order"),
    "delta by an ulp": (_column("s6_site_jitter", "delta_lat_deg", _first_ulp), "s6_site"),
    "site by an ulp": (_column("s7_site_synthesis", "lon_deg", _first_ulp), "s7_site"),
    "egress by an ulp": (_column("site_locations", "lat_deg", _first_ulp), "site_locations"),
    "egress bytes": (_reencode, "egress_checksums"),
    "lineage": (_no_lineage, "carries no parameter_hash"),
    "deleted": (_delete("s7_site_synthesis"), "nothing published"),
    "stray file": (_stray_file, "stray files"),
    "an event less": (_drop_event, "in_cell_jitter events"),
    "u of an event": (_edit_event("u", 0.5), "'u'"),
    "draws as a number": (_edit_event("draws", 1), "'draws'"),
    "an event's extra key": (_edit_event("more", 1), "extra ['more']"),
    "trace": (_trace_total, "'draws_total'"),
    "flag": (_flag, "flag does not say"),
    "report": (_report, "postquant_sum_fp"),
}


def test_the_truth_compares_as_identical(published: World) -> None:
    assert len(published.outlet_countries) >= 2
    assert compare_world(published.root) == []


@pytest.mark.parametrize("name", CHANGES)
def test_one_change_is_found(published: World, tmp_path: Path, name: str) -> None:
    root = tmp_path / "world"
    shutil.copytree(published.root, root)
    change, told = CHANGES[name]
    iso = published.outlet_countries[0]
    change(root, find_tokens(root), iso)
    found = compare_world(root, countries=published.outlet_countries)
    assert any(told in line for line in found), found


@pytest.mark.parametrize(
    ("knobs", "failed"),
    [
        ({"stranded": True, "merchants": 40}, "E303_MISSING_WEIGHTS"),
        pytest.param(
            {"bad_mass": True, "basis": "population"},
            "E105_NORMALIZATION",
            marks=pytest.mark.nightly,
        ),
        ({"max_attempts": 1, "merchants": 40}, "E613_RESAMPLE_EXHAUSTED"),
    ],
)
def test_failures_are_expected_and_flagless(
    tmp_path: Path, knobs: dict[str, object], failed: str
) -> None:
    world = make_world(tmp_path, 21, **{**KNOBS, "dtype": "float32", **knobs})  # type: ignore
    publish_truth(tmp_path)
    assert compare_world(tmp_path) == []
    events = [path.read_text() for path in tmp_path.glob("reports/layer1/1B/failures/*/*")]
    assert any(failed in text for text in events)
    fp = world.manifest_fingerprint
    flag = layout.bundle_1b(tmp_path, fp) / "_passed.flag"
    flag.parent.mkdir(parents=True)
    flag.write_text("sha256_hex = 0\n")
    assert any("the flag is there although" in line for line in compare_world(tmp_path))


def test_a_denylisted_country_gets_no_sites(tmp_path: Path) -> None:
    world = make_world(tmp_path, 11, denylist=["first"], **KNOBS)  # type: ignore[arg-type]
    publish_truth(tmp_path)
    t, iso = find_tokens(tmp_path), world.outlet_countries[0]
    path = _partition(tmp_path, t, iso, "s3_requirements")
    assert pq.read_metadata(path).num_rows == 0
    assert compare_world(tmp_path) == []


@pytest.mark.parametrize(
    "seed", [30, 31, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(32, 36))]
)
def test_random_worlds_compare_as_identical(tmp_path: Path, seed: int) -> None:
    make_world(tmp_path, seed, slivers=seed % 2 == 0)
    publish_truth(tmp_path)
    assert compare_world(tmp_path) == []
