"""What segment 1B itself published, spoiled before a later state reads it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from segment1b_assets_tests.hostile import files
from segment1b_assets_tests.hostile.cases import EVERYBODY, Case, Oddity
from segment1b_assets_tests.hostile.laboratory import Lab, with_column

Spoil = Callable[[Lab], object]


def damaged(dataset: str, damage: Callable[[Path], object]) -> Spoil:
    return lambda lab: damage(lab.partition(dataset))


def gone(dataset: str) -> Spoil:
    return lambda lab: shutil.rmtree(lab.partition(dataset).parent)


def file_for_folder(dataset: str) -> Spoil:
    def spoil(lab: Lab) -> None:
        folder = lab.partition(dataset).parent
        shutil.rmtree(folder)
        folder.write_text("no folder")

    return spoil


def edited(dataset: str, change: Callable[[pa.Table], pa.Table]) -> Spoil:
    """Write the bad country's file again, its lineage kept."""

    def spoil(lab: Lab) -> None:
        path = lab.partition(dataset)
        table = pq.ParquetFile(path).read()
        made = change(table).replace_schema_metadata(table.schema.metadata)
        pq.write_table(made, path)

    return spoil


def field(dataset: str, name: str, value: Any, at: int = 0) -> Spoil:
    """Set one field of one row."""

    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        values[at] = value(values[at]) if callable(value) else value
        return with_column(table, name, values, table.schema.field(name).type)

    return edited(dataset, change)


def reversed_rows(table: pa.Table) -> pa.Table:
    return table.take(list(range(table.num_rows))[::-1])


def first_twice(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table.slice(0, 1), table])


def without_last(table: pa.Table) -> pa.Table:
    return table.slice(0, table.num_rows - 1)


def no_rows(table: pa.Table) -> pa.Table:
    return table.slice(0, 0)


def retyped(name: str, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda t: with_column(t, name, t[name].cast(kind))


def without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda t: t.drop_columns([name])


def receipt(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    def spoil(lab: Lab) -> None:
        document = json.loads(lab.receipt.read_bytes())
        made = change(document)
        lab.receipt.write_text(json.dumps(document if made is None else made))

    return spoil


def on_receipt(damage: Callable[[Path], object]) -> Spoil:
    return lambda lab: damage(lab.receipt)


#: State -> stage before it, and what it reads: dataset -> the code of its absence.
READS: dict[str, tuple[str, dict[str, str]]] = {
    "S2": ("tiled", {"tile_index": "E101_TILE_INDEX_MISSING"}),
    "S3": ("weighed", {"tile_weights": "E303_MISSING_WEIGHTS"}),
    "S4": (
        "required",
        {
            "s3_requirements": "E401_NO_S3_REQUIREMENTS",
            "tile_weights": "E402_MISSING_TILE_WEIGHTS",
        },
    ),
    "S5": ("planned", {"s4_alloc_plan": "E_INPUT_MISSING"}),
    "S6": ("assigned", {"s5_site_tile_assignment": "E_INPUT_MISSING"}),
    "S7": ("jittered", {"s6_site_jitter": "E_INPUT_MISSING"}),
    "S8": ("synthesised", {"s7_site_synthesis": "E_INPUT_MISSING"}),
}
#: Edits that leave a readable file of the right schema; only the receipt tells.
TAMPERED: dict[str, Callable[[pa.Table], pa.Table]] = {
    "the last row gone": without_last,
    "the first row twice": first_twice,
    "every row gone": no_rows,
}
_SCHEMA = "E_INPUT_SCHEMA"
#: State, what is wrong, how, code: with the run report gone, so that no receipt can tell. What
#: these cannot tell either is left to the validators, which judge what was published.
STRUCTURAL: tuple[tuple[Any, ...], ...] = (
    (
        "S2",
        "tile_index without tile_id",
        edited("tile_index", without("tile_id")),
        _SCHEMA,
        "tile_id",
    ),
    (
        "S2",
        "tile ids are int64",
        edited("tile_index", retyped("tile_id", pa.int64())),
        _SCHEMA,
        "int64",
    ),
    ("S2", "a null tile id", field("tile_index", "tile_id", None), _SCHEMA, "null"),
    ("S2", "tiles upside down", edited("tile_index", reversed_rows), "E003_DUP_TILE"),
    ("S2", "a tile twice", edited("tile_index", first_twice), "E003_DUP_TILE"),
    (
        "S2",
        "a tile outside of the raster",
        field("tile_index", "tile_id", 10**6, -1),
        _SCHEMA,
        "1000000",
    ),
    (
        "S4",
        "a weight changed",
        field("tile_weights", "weight_fp", lambda w: w + 1),
        "E414_WEIGHT_TAMPER",
    ),
    ("S4", "a negative weight", field("tile_weights", "weight_fp", -1), "E414_WEIGHT_TAMPER"),
    (
        "S4",
        "a weight of 2^63 - 1",
        field("tile_weights", "weight_fp", 2**63 - 1),
        "E414_WEIGHT_TAMPER",
    ),
    ("S4", "a null weight", field("tile_weights", "weight_fp", None), _SCHEMA, "null"),
    (
        "S4",
        "weights are floats",
        edited("tile_weights", retyped("weight_fp", pa.float64())),
        _SCHEMA,
        "double",
    ),
    ("S4", "weights without the last", edited("tile_weights", without_last), "E414_WEIGHT_TAMPER"),
    ("S4", "weights without a row", edited("tile_weights", no_rows), "E403_ZERO_TILE_UNIVERSE"),
    ("S4", "n_sites is null", field("s3_requirements", "n_sites", None), _SCHEMA, "null"),
    ("S4", "n_sites is 0", field("s3_requirements", "n_sites", 0), "E308_COUNTS_MISMATCH"),
    ("S4", "n_sites is negative", field("s3_requirements", "n_sites", -3), "E308_COUNTS_MISMATCH"),
    ("S4", "n_sites is 2^62", field("s3_requirements", "n_sites", 2**62), "E416_NUMERIC_OVERFLOW"),
    ("S4", "merchants upside down", edited("s3_requirements", reversed_rows), "E310_UNSORTED"),
    ("S5", "a plan upside down", edited("s4_alloc_plan", reversed_rows), "E408_UNSORTED"),
    ("S5", "a tile outside of the raster", field("s4_alloc_plan", "tile_id", 10**9, -1), _SCHEMA),
    ("S5", "a null merchant", field("s4_alloc_plan", "merchant_id", None), _SCHEMA, "null"),
    (
        "S6",
        "a tile outside of the raster",
        field("s5_site_tile_assignment", "tile_id", 10**9),
        _SCHEMA,
    ),
    (
        "S6",
        "site_order is int64",
        edited("s5_site_tile_assignment", retyped("site_order", pa.int64())),
        _SCHEMA,
    ),
    ("S6", "a null tile", field("s5_site_tile_assignment", "tile_id", None), _SCHEMA, "null"),
    (
        "S7",
        "deltas as text",
        edited("s6_site_jitter", retyped("delta_lat_deg", pa.string())),
        _SCHEMA,
    ),
    ("S7", "a null delta", field("s6_site_jitter", "delta_lat_deg", None), _SCHEMA, "null"),
    ("S8", "a null coordinate", field("s7_site_synthesis", "lon_deg", None), _SCHEMA, "null"),
)
_DAMAGES = ("cut in half", "zero bytes", "a pipe")


def _case(state: str, name: str, spoil: Spoil, code: str, *says: str) -> Case:
    return Case(f"{state}: {name}", spoil, (state,), code, says=says, stage=READS[state][0])


def _unreported(state: str, name: str, spoil: Spoil, code: str, *says: str) -> Case:
    def both(lab: Lab) -> None:
        spoil(lab)
        shutil.rmtree(lab.root / "reports")

    return _case(state, f"{name}, and no report tells", both, code, *says)


def _unreadable() -> list[Case]:
    made = []
    for state, (_, reads) in READS.items():
        for dataset, absent in reads.items():
            made.append(_case(state, f"{dataset} is gone", gone(dataset), absent, dataset))
            made += [
                _case(
                    state,
                    f"{dataset} is {what}",
                    damaged(dataset, files.UNREADABLE[what]),
                    _SCHEMA,
                    dataset,
                    "part-00000.parquet",
                )
                for what in _DAMAGES
            ]
    return made


CASES = [
    *_unreadable(),
    *(
        _case(
            state,
            f"{dataset}: {what}",
            edited(dataset, how),
            "E414_WEIGHT_TAMPER" if dataset == "tile_weights" else "E107_DETERMINISM",
            dataset,
            "repair",
        )
        for state in READS
        for dataset in READS[state][1]
        if state != "S3"
        for what, how in TAMPERED.items()
    ),
    *(_unreported(state, *rest) for state, *rest in STRUCTURAL),
    _case(
        "S2",
        "a file in the folder's place",
        file_for_folder("tile_index"),
        "E101_TILE_INDEX_MISSING",
    ),
    _case("S3", "weights without a row", edited("tile_weights", no_rows), "E303_MISSING_WEIGHTS"),
    *(
        Case(
            f"receipt: {what}",
            on_receipt(how),
            ("S3",),
            "E301_NO_PASS_FLAG",
            EVERYBODY,
            says=("s0_gate_receipt.json",),
            stage="weighed",
        )
        for what, how in files.UNREADABLE.items()
        if what != "last byte gone"
    ),
    Case(
        "receipt: gone",
        on_receipt(files.missing),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "receipt: a list",
        receipt(lambda d: [d]),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "receipt: without its hash",
        receipt(lambda d: d.pop("flag_sha256_hex") and None),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "receipt: for another fingerprint",
        receipt(lambda d: d.update(manifest_fingerprint="0" * 64)),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "receipt: another hash",
        receipt(lambda d: d.update(flag_sha256_hex="0" * 64)),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "receipt: a time that is a number",
        receipt(lambda d: d.update(verified_at_utc=7)),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "receipt: a time with a line feed",
        receipt(lambda d: d.update(verified_at_utc='2024-01-01T00:00:00.000000Z", "x": "\n')),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "published: other bytes lie there already",
        field("tile_weights", "weight_fp", lambda w: w + 1),
        ("S2",),
        "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL",
        says=("tile_weights", "repair"),
        stage="weighed",
    ),
    Case(
        "published: a file lies where the folder belongs",
        file_for_folder("tile_weights"),
        ("S2",),
        "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL",
        stage="weighed",
    ),
    Case(
        "published: a stray file beside the part",
        lambda lab: (lab.partition("tile_weights").parent / "stray").write_text("x"),
        ("S2",),
        "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL",
        stage="weighed",
    ),
]

ODDITIES = [
    Oddity(
        "published: the folder is there and empty",
        lambda lab: lab.partition("tile_weights").unlink(),
        ("S2",),
        "weighed",
    ),
]
