"""`segment1b import outlets`: tables of merchants in, a catalogue and a 1A bundle out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.imports import outlet_sort, outlet_source
from segment1b_assets.storage.bundle import verify_flag
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets_tests.import_support import segment1b

BIG = (1 << 64) - 3


@pytest.fixture
def root(tmp_path: Path) -> Path:
    segment1b("init", tmp_path / "root")
    return tmp_path / "root"


def catalogue(root: Path) -> dict[str, list[tuple[int, int]]]:
    """country -> (merchant, site_order), as the states read and judge it."""
    inputs = RunInputs(RunOptions(root))
    assert not inputs.catalogue.faults
    assert not inputs.catalogue.unknown_codes
    return {
        country: list(zip(o.merchant_id.tolist(), o.site_order.tolist(), strict=True))
        for country, o in inputs.catalogue.outlets.items()
    }


def test_ids_of_every_spelling_and_countries_of_both_lengths(tmp_path: Path, root: Path) -> None:
    source = tmp_path / "m.csv"
    source.write_text(
        f"merchant;land;shops\n{BIG};NAM;2\n0xFFFFFFFFFFFFFFFF;na;1\n-2;LUX;1\n 7 ;LU;3\n"
    )
    result = segment1b(
        "import", "outlets", source, "--root", root, "--country", "land", "--sites", "shops"
    )
    assert catalogue(root) == {
        "LU": [(7, 1), (7, 2), (7, 3), (BIG + 1, 1)],
        "NA": [(BIG, 1), (BIG, 2), (BIG + 2, 1)],
    }
    assert "without a sign: 1 rows" in result.output
    assert "base 16: 1 rows" in result.output
    assert "'NAM' is NA" in result.output


@pytest.mark.parametrize("kind", ["csv", "parquet", "arrow", "ndjson"])
def test_every_format_gives_the_same_catalogue(tmp_path: Path, root: Path, kind: str) -> None:
    frame = pl.DataFrame(
        {"merchant_id": [BIG, 5, BIG, 5], "country": ["FR", "DE", "FR", "DEU"]},
        schema_overrides={"merchant_id": pl.UInt64},
    )
    source = tmp_path / f"m.{kind}"
    writers = {
        "csv": frame.write_csv, "parquet": frame.write_parquet, "arrow": frame.write_ipc,
        "ndjson": frame.write_ndjson,
    }  # fmt: skip
    writers[kind](source)
    segment1b("import", "outlets", source, "--root", root, "--seed", "9")
    assert catalogue(root) == {"DE": [(5, 1), (5, 2)], "FR": [(BIG, 1), (BIG, 2)]}
    assert RunInputs(RunOptions(root)).outlet_run[0] == 9


def test_signed_64_bit_columns_keep_their_bits(tmp_path: Path, root: Path) -> None:
    source = tmp_path / "m.parquet"
    pl.DataFrame({"merchant_id": [-1, 4], "country": ["FR", "FR"]}).write_parquet(source)
    result = segment1b("import", "outlets", source, "--root", root)
    assert catalogue(root) == {"FR": [(4, 1), ((1 << 64) - 1, 1)]}
    assert "without a sign: 1 rows" in result.output


def test_a_table_of_many_batches_and_ranges_is_sorted_as_a_whole(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlet_source, "ROWS_AT_ONCE", 500)
    monkeypatch.setattr(outlet_sort, "ROWS_OF_A_RANGE", 700)
    rng = np.random.default_rng(3)
    ids = rng.integers(0, 1 << 64, 400, dtype=np.uint64)
    merchant = ids[rng.integers(0, 400, 20_000)]
    country = np.array(["FR", "DE", "NA"])[rng.integers(0, 3, 20_000)]
    source = tmp_path / "m.parquet"
    pl.DataFrame({"merchant_id": merchant, "country": country}).write_parquet(source)
    segment1b("import", "outlets", source, "--root", root)
    found = catalogue(root)
    pairs, counts = np.unique(merchant[country == "NA"], return_counts=True)
    assert found["NA"] == [
        (m, k)
        for m, n in zip(pairs.tolist(), counts.tolist(), strict=True)
        for k in range(1, n + 1)
    ]
    (file,) = (root / "layer1/1A/outlet_catalogue").rglob("*.parquet")
    table = pl.from_arrow(pq.read_table(file))
    assert isinstance(table, pl.DataFrame)
    key = ["merchant_id", "legal_country_iso", "site_order"]
    assert table.equals(table.sort(key))
    assert table.height == 20_000
    assert table["site_id"].to_list() == [f"{n:06d}" for n in table["site_order"].to_list()]


def test_the_bundle_says_that_it_was_imported_and_holds_by_the_flag_law(
    tmp_path: Path, root: Path
) -> None:
    source = tmp_path / "m.csv"
    source.write_text("merchant_id,country\n1,FR\n")
    segment1b("import", "outlets", source, "--root", root)
    (bundle,) = (root / "layer1/1A/validation").iterdir()
    assert len(verify_flag(bundle)) == 64
    manifest = json.loads((bundle / "MANIFEST.json").read_text())
    assert "imported" in manifest["origin"]
    assert "no run of segment 1A" in manifest["vouches_for"]
    assert f"manifest_fingerprint={manifest['manifest_fingerprint']}" == bundle.name


def test_the_same_source_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "m.csv"
    source.write_text(f"merchant_id,country\n{BIG},FR\n3,DE\n")
    trees = []
    for name in ("a", "b"):
        segment1b("init", tmp_path / name)
        segment1b("import", "outlets", source, "--root", tmp_path / name)
        folder = tmp_path / name / "layer1"
        trees.append(
            {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        )
    assert trees[0] == trees[1]
    assert "unchanged" in segment1b("import", "outlets", source, "--root", tmp_path / "a").output


def test_another_catalogue_needs_replace(tmp_path: Path, root: Path) -> None:
    source = tmp_path / "m.csv"
    source.write_text("merchant_id,country\n1,FR\n")
    segment1b("import", "outlets", source, "--root", root)
    words = ("import", "outlets", source, "--root", root, "--seed", "2")
    refused = segment1b(*words, status=1).exception
    assert isinstance(refused, Segment1BError)
    assert "--replace" in refused.next_step
    segment1b(*words, "--replace")
    assert RunInputs(RunOptions(root)).outlet_run[0] == 2


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        ("merchant_id,country\n1,FR\n1.5,FR\n", (), "E_INPUT_SCHEMA", "row 2"),
        (f"merchant_id,country\n{1 << 64},FR\n", (), "E_INPUT_SCHEMA", "row 1"),
        ("merchant_id,country\n1,FR\n2,XKX\n3,XKX\n", (), "E302_FK_COUNTRY", "'XKX' (2 rows)"),
        ("merchant_id,country,n\n1,FR,0\n", ("--sites", "n"), "E_INPUT_SCHEMA", "row 1"),
        ("merchant_id,country,n\n1,FR,1\n1,FR,3\n", ("--order", "n"), "E314_SITE_ORDER_INTEGRITY",
         "3 where 2 belongs"),
        ("merchant_id,country,n\n1,FR,1\n1,FR,1\n", ("--order", "n"), "E307_PK_DUPLICATE",
         "1 twice"),
        ("who,country\n1,FR\n", (), "E_INPUT_SCHEMA", "merchant_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_and_nothing_is_written(
    tmp_path: Path, root: Path, text: str, options: tuple[str, ...], code: str, said: str
) -> None:
    source = tmp_path / "m.csv"
    source.write_text(text)
    refused = segment1b("import", "outlets", source, "--root", root, *options, status=1).exception
    assert isinstance(refused, Segment1BError)
    assert refused.code == code
    assert said in str(refused)
    assert not (root / "layer1").exists()


def test_floating_point_ids_are_refused(tmp_path: Path, root: Path) -> None:
    source = tmp_path / "m.parquet"
    pl.DataFrame({"merchant_id": [1.0, 2.0**60], "country": ["FR", "FR"]}).write_parquet(source)
    refused = segment1b("import", "outlets", source, "--root", root, status=1).exception
    assert isinstance(refused, Segment1BError)
    assert "2^53" in refused.next_step
