"""A small world with every state run and the flag given; what tests do to its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segment1b_assets_tests.oracle.world import make_world
from segment1b_assets_tests.run_support import run, use_history


def make_finished(base: Path) -> tuple[Path, list[str]]:
    """The root of a finished world below `base`, and its countries with outlets."""
    with pytest.MonkeyPatch.context() as patch:
        use_history(patch, base / "home")
        root = base / "world"
        made = make_world(
            root, 57, rows=24, cols=30, countries=3, merchants=15, inclusion_rule="center",
            basis="population", dp=9, feasible=True,
        )  # fmt: skip
        outcome = run(root, sorted({*made.countries, *made.outlet_countries}))
        assert outcome.success, (outcome.failures, outcome.messages)
    return root, sorted(made.outlet_countries)


def part(root: Path, dataset: str, country: str) -> Path:
    """The file of a published partition."""
    (found,) = root.glob(f"layer1/1B/{dataset}/**/country={country}/part-00000.parquet")
    return found


def change(path: Path, column: str, delta: float) -> None:
    """Change one value, and keep everything else of the file as it is, its metadata too."""
    table = pq.read_table(path)
    values = table.column(column).to_numpy().copy()
    values[len(values) // 2] += np.asarray(delta).astype(values.dtype)
    index = table.schema.get_field_index(column)
    table = table.set_column(index, table.schema.field(index), pa.array(values))
    metadata = pq.read_metadata(path).metadata
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(
            {k: v for k, v in metadata.items() if k != b"ARROW:schema"}
        )  # fmt: skip
