"""The validators of S5 to S8 pass what the states publish and catch every single change to it."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segment1b_assets.storage.parquet import lineage_of
from segment1b_assets_tests.site_files import (
    TILES,
    SiteFiles,
    changed,
    failed,
    make_site_files,
    with_value,
)

TABLES = ("s5_site_tile_assignment", "s6_site_jitter", "s7_site_synthesis", "site_locations")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> SiteFiles:
    return make_site_files(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def spoiled(clean: SiteFiles, tmp_path: Path) -> SiteFiles:
    """A copy to spoil."""
    shutil.copytree(clean.root, tmp_path / "copy")
    return SiteFiles(tmp_path / "copy")


@pytest.mark.parametrize("dataset", TABLES)
def test_what_the_states_publish_passes(clean: SiteFiles, dataset: str) -> None:
    verdicts = clean.judges()[dataset]()
    assert failed(verdicts) == {}
    assert len(verdicts) == {"s5": 7, "s6": 11, "s7": 7, "si": 7}[dataset[:2]]
    assert len({v.code for v in verdicts}) == len(verdicts)


#: A cell of the grid that the country lacks.
NOT_OURS = next(t for t in range(64) if t not in TILES)


# ---- a value of a table -------------------------------------------------------------------


#: Column -> rules of which at least one must fail when one of its values changes.
CAUGHT = {
    ("s5_site_tile_assignment", "merchant_id"): {"E504_SUM_TO_N_MISMATCH"},
    ("s5_site_tile_assignment", "legal_country_iso"): {"E506_SCHEMA_INVALID"},
    ("s5_site_tile_assignment", "site_order"): {"E504_SUM_TO_N_MISMATCH"},
    ("s5_site_tile_assignment", "tile_id"): {"E503_TILE_QUOTA_MISMATCH"},
    ("s6_site_jitter", "merchant_id"): {"E601_ROW_MISSING", "E602_ROW_EXTRA"},
    ("s6_site_jitter", "legal_country_iso"): {"E_INPUT_SCHEMA"},
    ("s6_site_jitter", "site_order"): {"E601_ROW_MISSING", "E602_ROW_EXTRA"},
    ("s6_site_jitter", "tile_id"): {"E601_ROW_MISSING", "E602_ROW_EXTRA"},
    ("s6_site_jitter", "delta_lat_deg"): {"E610_RNG_BUDGET_OR_COUNTERS"},
    ("s6_site_jitter", "delta_lon_deg"): {"E610_RNG_BUDGET_OR_COUNTERS"},
    ("s6_site_jitter", "manifest_fingerprint"): {"E_INPUT_SCHEMA"},
    ("s7_site_synthesis", "merchant_id"): {"A701"},
    ("s7_site_synthesis", "legal_country_iso"): {"A702"},
    ("s7_site_synthesis", "site_order"): {"A701"},
    ("s7_site_synthesis", "tile_id"): {"A701"},
    ("s7_site_synthesis", "lon_deg"): {"A705"},
    ("s7_site_synthesis", "lat_deg"): {"A705"},
    ("site_locations", "merchant_id"): {"A801"},
    ("site_locations", "legal_country_iso"): {"A802"},
    ("site_locations", "site_order"): {"A801"},
    ("site_locations", "lon_deg"): {"A805"},
    ("site_locations", "lat_deg"): {"A805"},
}


@pytest.mark.parametrize("row", [0, 11, 33])
@pytest.mark.parametrize(("dataset", "column"), CAUGHT, ids=lambda x: str(x))
def test_one_value_changed(spoiled: SiteFiles, dataset: str, column: str, row: int) -> None:
    def change(table: pa.Table) -> pa.Table:
        value = table.column(column)[row].as_py()
        return with_value(table, column, row, changed(value, column))

    spoiled.respell(dataset, change)
    broken = failed(spoiled.judges()[dataset]())
    assert broken.keys() & CAUGHT[dataset, column]


@pytest.mark.parametrize(
    ("dataset", "column", "value", "code", "words"),
    [
        (
            "s5_site_tile_assignment",
            "tile_id",
            64,
            "E505_TILE_NOT_IN_INDEX",
            "that the country lacks",
        ),
        ("s5_site_tile_assignment", "tile_id", 2**64 - 1, "E505_TILE_NOT_IN_INDEX", "lacks"),
        ("s6_site_jitter", "tile_id", NOT_OURS, "E606_FK_TILE_INDEX", "that the country lacks"),
        ("s6_site_jitter", "delta_lon_deg", 0.2, "E607_POINT_OUTSIDE_PIXEL", "is put at"),
        ("s6_site_jitter", "delta_lat_deg", math.nan, "E_INPUT_SCHEMA", "delta_lat_deg"),
        ("s7_site_synthesis", "lon_deg", math.nan, "A702", "lon_deg"),
        ("s7_site_synthesis", "tile_id", NOT_OURS, "A707", "that the country lacks"),
        ("site_locations", "lat_deg", -0.99, "A807", "is outside its tile"),
        ("site_locations", "lat_deg", 91.0, "A802", "lat_deg"),
        ("site_locations", "lon_deg", -0.0, "A805", "differs from S7"),
    ],
)
def test_wild_values(
    spoiled: SiteFiles, dataset: str, column: str, value: Any, code: str, words: str
) -> None:
    spoiled.respell(dataset, lambda table: with_value(table, column, 20, value))
    assert words in failed(spoiled.judges()[dataset]())[code]


def test_a_point_outside_the_country_but_in_its_cell(spoiled: SiteFiles) -> None:
    # The cell of TILES[0] has the coast in it: its own site moves to the far corner.
    table = pq.ParquetFile(spoiled.file("s6_site_jitter")).read()
    row = table.column("tile_id").to_pylist().index(TILES[0])
    verdicts = {}
    for corner in ((0.1249, 0.1249), (0.1249, -0.1249), (-0.1249, 0.1249), (-0.1249, -0.1249)):

        def move(table: pa.Table, corner: tuple[float, float] = corner) -> pa.Table:
            moved = with_value(table, "delta_lon_deg", row, corner[0])
            return with_value(moved, "delta_lat_deg", row, corner[1])

        spoiled.respell("s6_site_jitter", move)
        verdicts[corner] = failed(spoiled.judge_s6())
    assert all("E607_POINT_OUTSIDE_PIXEL" not in v for v in verdicts.values())
    outside = [v for v in verdicts.values() if "E608_POINT_OUTSIDE_COUNTRY" in v]
    assert 0 < len(outside) < 4


def test_no_site_lies_in_a_country_without_polygon(clean: SiteFiles) -> None:
    assert failed(clean.judge_s6(polygon=None)).keys() == {"E608_POINT_OUTSIDE_COUNTRY"}


# ---- rows of a table ----------------------------------------------------------------------


def drop(table: pa.Table, row: int) -> pa.Table:
    return pa.concat_tables([table.slice(0, row), table.slice(row + 1)])


def double(table: pa.Table, row: int) -> pa.Table:
    return pa.concat_tables([table.slice(0, row + 1), table.slice(row)])


def swap(table: pa.Table, row: int) -> pa.Table:
    order = list(range(table.num_rows))
    order[row], order[row - 1] = order[row - 1], order[row]
    return table.take(order)


ROW_RULES = {
    "s5_site_tile_assignment": (
        {"E503_TILE_QUOTA_MISMATCH", "E507_RNG_EVENT_MISMATCH"},
        {"E502_PK_DUPLICATE_SITE", "E503_TILE_QUOTA_MISMATCH", "E507_RNG_EVENT_MISMATCH"},
        {"E509_UNSORTED"},
    ),
    "s6_site_jitter": (
        {"E601_ROW_MISSING", "E609_RNG_EVENT_COUNT"},
        {"E602_ROW_EXTRA", "E603_DUP_KEY", "E609_RNG_EVENT_COUNT"},
        {"E605_SORT_VIOLATION"},
    ),
    "s7_site_synthesis": ({"A701", "A706"}, {"A701", "A706"}, {"A704"}),
    "site_locations": ({"A801", "A806"}, {"A801", "A806"}, {"A804"}),
}


@pytest.mark.parametrize("row", [1, 15, 33])
@pytest.mark.parametrize("kind", [0, 1, 2], ids=["dropped", "doubled", "swapped"])
@pytest.mark.parametrize("dataset", TABLES)
def test_one_row_out_of_place(spoiled: SiteFiles, dataset: str, kind: int, row: int) -> None:
    change = (drop, double, swap)[kind]
    spoiled.respell(dataset, lambda table: change(table, row))
    assert failed(spoiled.judges()[dataset]()).keys() >= ROW_RULES[dataset][kind]


def test_tiles_of_two_sites_exchanged(spoiled: SiteFiles) -> None:
    # Quotas still hold; only the uniforms tell, and they do so even if the events agree.
    table = pq.ParquetFile(spoiled.file("s5_site_tile_assignment")).read()
    tiles = table.column("tile_id").to_pylist()
    a, b = 0, next(i for i, t in enumerate(tiles[:24]) if t != tiles[0])

    def exchange(table: pa.Table) -> pa.Table:
        return with_value(with_value(table, "tile_id", a, tiles[b]), "tile_id", b, tiles[a])

    spoiled.respell("s5_site_tile_assignment", exchange)
    for line, old, new in ((a, tiles[a], tiles[b]), (b, tiles[b], tiles[a])):
        spoiled.rewrite_line(
            "rng_events_site_tile_assign",
            line,
            lambda text, old=old, new=new: text.replace(
                b'"tile_id":%20d' % old, b'"tile_id":%20d' % new
            ),
        )
    broken = failed(spoiled.judge_s5())
    assert broken.keys() == {"E507_RNG_EVENT_MISMATCH"}
    assert "above one of the next tile" in broken["E507_RNG_EVENT_MISMATCH"]


@pytest.mark.parametrize("dataset", TABLES)
def test_lineage_is_the_path_s(spoiled: SiteFiles, dataset: str) -> None:
    path = spoiled.file(dataset)
    metadata = {**lineage_of(path), "seed": "1"}
    table = pq.ParquetFile(path).read().replace_schema_metadata(metadata)
    pq.write_table(table, path)
    broken = failed(spoiled.judges()[dataset]())
    code = {"s5": "E506_SCHEMA_INVALID", "s6": "E_INPUT_SCHEMA", "s7": "A703", "si": "A803"}
    assert "seed='1'" in broken[code[dataset[:2]]]


@pytest.mark.parametrize("dataset", TABLES)
def test_a_column_too_many(spoiled: SiteFiles, dataset: str) -> None:
    path = spoiled.file(dataset)
    table = pq.ParquetFile(path).read()
    pq.write_table(table.append_column("extra", table.column("site_order")), path)
    broken = failed(spoiled.judges()[dataset]())
    code = {"s5": "E506_SCHEMA_INVALID", "s6": "E_INPUT_SCHEMA", "s7": "A702", "si": "A802"}
    assert "extra" in broken[code[dataset[:2]]]
