"""Tiny worlds to be spoiled: three countries to run, states published beforehand, and the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from segment1b_assets.command_line.dagster_run import Outcome, _outcome
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.contracts.states import STATES
from segment1b_assets.definitions import definitions
from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, partition_tags
from segment1b_assets.storage.content_version import content_version
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions, open_run_inputs
from segment1b_assets_tests.oracle import layout
from segment1b_assets_tests.oracle.world import World, make_world

#: Three neighbours in the partitions' order: one contiguous range, so one run.
COUNTRIES = ["FI", "FJ", "FK"]
#: The one that is spoiled, and those that nothing may happen to.
BAD = "FK"
GOOD = [c for c in COUNTRIES if c != BAD]

#: Which states lie published already when a case begins.
STAGES: Mapping[str, Sequence[str]] = {
    "inputs": (),
    "gated": ("S0",),
    "tiled": ("S0", "S1"),
    "weighed": ("S0", "S1", "S2"),
    "required": ("S0", "S1", "S2", "S3"),
    "planned": ("S0", "S1", "S2", "S3", "S4"),
    "assigned": ("S0", "S1", "S2", "S3", "S4", "S5"),
    "jittered": ("S0", "S1", "S2", "S3", "S4", "S5", "S6"),
    "synthesised": ("S0", "S1", "S2", "S3", "S4", "S5", "S6", "S7"),
}


def build_world(root: Path) -> World:
    """Three countries with outlets (and a speck that is not run) on a 12 x 16 population grid."""
    world = make_world(
        root,
        11,
        rows=12,
        cols=16,
        resolution=0.5,
        global_grid=False,
        codes=[*COUNTRIES, "FM"],
        inclusion_rule="center",
        feasible=True,
        merchants=6,
        basis="population",
        dp=6,
        dtype="float32",
        masses="plain",
    )
    if not set(COUNTRIES) <= set(world.outlet_countries):
        raise AssertionError(f"the tiny world has outlets only in {world.outlet_countries}")
    return world


@dataclass(frozen=True)
class Lab:
    """One copy of the world, to be spoiled."""

    root: Path
    world: World

    @property
    def iso(self) -> Path:
        return layout.iso_path(self.root)

    @property
    def polygons(self) -> Path:
        return layout.polygons_path(self.root)

    @property
    def raster(self) -> Path:
        return layout.raster_path(self.root)

    @property
    def catalogue(self) -> Path:
        return layout.catalogue_dir(self.root, self.world.seed, self.world.manifest_fingerprint)

    @property
    def bundle(self) -> Path:
        return layout.bundle_1a(self.root, self.world.manifest_fingerprint)

    @property
    def receipt(self) -> Path:
        return layout.receipt_path(self.root, self.world.manifest_fingerprint)

    def policy(self, name: str) -> Path:
        return layout.policy_path(self.root, name)

    def open(self) -> RunInputs:
        return open_run_inputs(RunOptions(self.root))

    def reseal(self) -> None:
        """Have the sealed inputs name the inputs as they are now, as S0 does where it can."""
        try:
            inputs = self.open()
            present, path = inputs.sealed_digests, inputs.path("sealed_inputs_1B")
            sealed = json.loads(path.read_bytes())
        except (Segment1BError, OSError, ValueError):
            return
        for entry in sealed:
            entry["sha256_hex"] = present[entry["asset_id"]]
        path.write_text(json.dumps(sealed))

    def partition(self, dataset: str, country: str = BAD) -> Path:
        """The one part file of a published partition."""
        (path,) = self.open().files(dataset, country)
        return path

    def published(self) -> dict[str, bytes]:
        """Every file under layer1/1B: relative path -> bytes."""
        top = self.root / layout.LAYER
        return {
            p.relative_to(top).as_posix(): p.read_bytes()
            for p in sorted(top.rglob("*"))
            if p.is_file()
        }

    def versions(self, dataset: str) -> dict[str, str]:
        """Country -> content version of what is published of a dataset."""
        inputs = self.open()
        return {
            c: content_version(dataset, files)
            for c in COUNTRIES
            if (files := inputs.files(dataset, c))
        }


def datasets_of(state: str) -> list[str]:
    """The partitioned tables that a state publishes."""
    return [a for a in STATES[state].datasets if a in TABLES]


def copy_of(lab: Lab, root: Path) -> Lab:
    """A copy of a world with all that is published in it."""
    shutil.copytree(lab.root, root, symlinks=True, dirs_exist_ok=True)
    return Lab(root, lab.world)


def run(instance: dg.DagsterInstance, lab: Lab, states: Sequence[str]) -> Outcome:
    """Materialise states for the three countries, as the command line does, on this instance."""
    keys = [dg.AssetKey(a) for s in states for a in STATES[s].datasets]
    result = definitions.resolve_job_def("everything").execute_in_process(
        run_config={
            "resources": {"segment1b": {"config": {"root": str(lab.root), "workers": 2}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        instance=instance,
        tags={**partition_tags(COUNTRIES), **EVENTS_PER_COUNTRY},
        asset_selection=keys,
        raise_on_error=False,
    )
    return _outcome(result, states, lab.open())


def edit_table(path: Path, change: Callable[[pa.Table], pa.Table], **options: Any) -> None:
    """Read one parquet file whole, change the table, write it back."""
    table = change(pq.ParquetFile(path).read())
    pq.write_table(table, path, **options)


def with_column(table: pa.Table, name: str, values: Any, kind: Any = None) -> pa.Table:
    """The table with one column's values replaced, in place."""
    at = table.schema.get_field_index(name)
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, kind)
    return table.set_column(at, pa.field(name, array.type), array)


def truncate(path: Path, share: float = 0.5) -> None:
    """Keep only the first part of a file."""
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
