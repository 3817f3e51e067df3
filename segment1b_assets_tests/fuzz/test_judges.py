"""Published files, logs and reports, spoiled in any way: the validators judge them, and never fall.

A validator that raises anything but `Segment1BError` would be told as a fault of its own
(``E_UNEXPECTED``), and its country's other rules would go unjudged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs
from segment1b_assets.validation.judge import RULES, judge_dataset
from segment1b_assets.validation.plausible import plausible_dataset
from segment1b_assets_tests.dagster_support import BY_COUNTRY, made_well, run_assets, small_world
from segment1b_assets_tests.hypothesis_profiles import TIMES, examples

COUNTRY = "FI"
#: For each kind of file.
EXAMPLES = 40
EXTREMES: list[Any] = [
    0, 1, -1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 0.0, -0.0, 0.5, 91.0,
    -181.0, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan, "", "FI", "ZZ", "\u0000", None,
]  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A country through S0 to S8."""
    folder = tmp_path_factory.mktemp("judged")
    small_world(folder / "root")
    with dg.DagsterInstance.ephemeral() as instance:
        assets = ("s0_gate_receipt_1B", *BY_COUNTRY)
        made_well(run_assets(instance, folder / "root", assets, [COUNTRY]))
        yield folder / "root"


def files_of(root: Path, kind: str) -> list[Path]:
    """The country's files of a kind that segment 1B wrote."""
    there = {
        "parquet": (root / "layer1" / "1B").rglob(f"country={COUNTRY}/*.parquet"),
        "log": (root / "logs").rglob("*.jsonl"),
        "report": (root / "reports").rglob(f"country={COUNTRY}/*.json"),
    }
    return sorted(there[kind])


def judged(root: Path) -> dict[str, list[str]]:
    """Dataset -> the codes of the rules that are broken or could not be judged."""
    inputs = open_run_inputs(RunOptions(root))
    found = {}
    for dataset, rules in RULES.items():
        verdicts = judge_dataset(inputs, dataset, COUNTRY)
        assert [v.code for v in verdicts if v.code in rules] == list(rules)
        # Whatever was not judged has a rule that stopped it.
        assert all(v.judged for v in verdicts) or any(v.result == "broken" for v in verdicts)
        found[dataset] = [v.code for v in verdicts if not v.passed]
        assert "E_UNEXPECTED" not in found[dataset], verdicts
        plausible_dataset(inputs, dataset, COUNTRY)
    return found


@st.composite
def respelt(draw: st.DrawFn, path: Path) -> bytes:
    """The file with its rows, columns or values changed, its lineage kept."""
    table = pq.ParquetFile(path).read()
    at = draw(st.integers(0, table.num_columns - 1))
    field = table.schema.field(at)
    how = draw(st.sampled_from(["value", "value", "value", "rows", "drop", "type", "null"]))
    if how == "rows":
        rows = st.lists(st.integers(0, max(table.num_rows - 1, 0)), max_size=20)
        table = table.take(pa.array(draw(rows) if table.num_rows else [], pa.int64()))
    elif how == "drop":
        table = table.drop_columns([field.name])
    elif how == "type":
        kinds = [pa.int8(), pa.int32(), pa.uint64(), pa.float32(), pa.string(), pa.binary()]
        kind = draw(st.sampled_from(kinds))
        values = pa.array([None] * table.num_rows, kind)
        table = table.set_column(at, pa.field(field.name, kind), values)
    elif table.num_rows:
        values = table.column(at).to_pylist()
        row = draw(st.integers(0, table.num_rows - 1))
        fitting = [v for v in EXTREMES if fits(v, field.type)]
        values[row] = None if how == "null" else draw(st.sampled_from(fitting))
        array = plain(values, field.type)
        table = table.set_column(at, pa.field(field.name, field.type), array)
    sink = pa.BufferOutputStream()
    metadata = pq.ParquetFile(path).schema_arrow.metadata
    pq.write_table(table.replace_schema_metadata(metadata), sink)
    return bytes(sink.getvalue())


def plain(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def fits(value: Any, kind: pa.DataType) -> bool:
    try:
        plain([value], kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):
        return False
    return True


@st.composite
def flipped(draw: st.DrawFn, raw: bytes) -> bytes:
    """Bytes cut out, put in or overwritten."""
    spoiled = bytearray(raw)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(spoiled)))
        length = draw(st.sampled_from([0, 1, 1, 8, 300]))
        spoiled[at : at + length] = draw(st.binary(max_size=8))
    return bytes(spoiled)


@st.composite
def reworded(draw: st.DrawFn, raw: bytes) -> bytes:
    """A JSON document, or a line of a log, with a key gone or another value at it."""
    lines = raw.split(b"\n") if raw.count(b"\n") > 1 and raw.startswith(b'{"') else [raw]
    at = draw(st.integers(0, max(len(lines) - 2, 0)))
    document = json.loads(lines[at])
    holder = document
    key = draw(st.sampled_from(sorted(holder)))
    while isinstance(holder[key], dict) and holder[key] and draw(st.booleans()):
        holder = holder[key]
        key = draw(st.sampled_from(sorted(holder)))
    new = draw(st.sampled_from([*EXTREMES, [], {}, [1], "gone"]))
    if new == "gone":
        del holder[key]
    else:
        holder[key] = new
    if draw(st.integers(0, 9)) == 0:
        document = new
    lines[at] = json.dumps(document).encode()
    return b"\n".join(lines)


def same_rows(raw: bytes, spoiled: bytes) -> bool:
    """Not every byte of a file is in its rows: the footer has statistics and a writer's name."""
    try:
        return bool(
            pq.read_table(pa.BufferReader(spoiled)).equals(pq.read_table(pa.BufferReader(raw)))
        )
    except (pa.ArrowException, OSError):
        return False


@pytest.mark.hypothesis
@pytest.mark.timeout(600 * TIMES)
@pytest.mark.parametrize("kind", ["parquet", "log", "report"])
def test_validators_judge_whatever_lies_there(root: Path, kind: str) -> None:
    files = files_of(root, kind)
    assert len(files) >= 4
    clean = judged(root)
    assert not any(clean.values()), clean

    @examples(EXAMPLES)
    @given(st.data())
    def tries(data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(files))
        raw = path.read_bytes()
        ways = [flipped(raw), respelt(path) if kind == "parquet" else reworded(raw)]
        spoiled = data.draw(st.one_of(ways))
        try:
            path.write_bytes(spoiled)
            found = judged(root)
        finally:
            path.write_bytes(raw)
        if kind == "parquet" and not same_rows(raw, spoiled):
            assert any(found.values()), path

    tries()
    assert judged(root) == clean


@pytest.mark.parametrize(
    ("dataset", "label", "told"),
    [
        ("tile_index", "inclusion_rule", "E_INPUT_SCHEMA"),
        ("tile_weights", "basis", "E108_WRITER_HYGIENE"),
        ("s4_alloc_plan", "legal_country_iso", "E405_SCHEMA_INVALID"),
        ("s6_site_jitter", "manifest_fingerprint", "E_INPUT_SCHEMA"),
    ],
)
def test_a_label_that_is_no_text_breaks_the_tables_own_rule(
    root: Path, dataset: str, label: str, told: str
) -> None:
    (path,) = (root / "layer1" / "1B" / dataset).rglob(f"country={COUNTRY}/*.parquet")
    raw = path.read_bytes()
    table = pq.ParquetFile(path).read()
    field = table.schema.field(label)
    bad = pa.array([b"\xff\xfe"] * table.num_rows, pa.binary())
    text = pa.StringArray.from_buffers(len(bad), *bad.buffers()[1:])
    if pa.types.is_dictionary(field.type):
        first = pa.array([0] * table.num_rows, pa.int32())
        text = pa.DictionaryArray.from_arrays(first, text.slice(0, 1))
    at = table.schema.get_field_index(label)
    try:
        pq.write_table(table.set_column(at, field, text), path)
        found = judged(root)
    finally:
        path.write_bytes(raw)
    assert any(told in codes for codes in found.values()), found
