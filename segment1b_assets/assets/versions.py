"""Data versions and provenance of one country's partition.

Dagster computes one data version for all partitions of a run. Ours differ by country (they depend
on its rows, see `storage.content_version`; the receipt is shown beside it), so materialisations set
Dagster's own tags explicitly: the version, and for every input its version and event. Without the
latter two every country downstream would always count as stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from segment1b_assets.assets.references import INPUT_DATASETS, input_metadata
from segment1b_assets.storage.input_versions import POLYGONS, input_version
from segment1b_assets.storage.run_inputs import RunInputs

#: Asset key -> data version; of the polygons, country -> data version.
Observed = Mapping[dg.AssetKey, str | Mapping[str, str]]
#: Dagster's own tags of a materialisation and an observation (test_dagster_internals.py).
DATA_VERSION_TAG = "dagster/data_version"
USER_PROVIDED_TAG = "dagster/data_version_is_user_provided"
CODE_VERSION_TAG = "dagster/code_version"
_INPUT_VERSION_TAG = "dagster/input_data_version/"
_INPUT_POINTER_TAG = "dagster/input_event_pointer/"
#: The tag's value for an input without a version or event.
NO_VERSION, NO_EVENT = "INITIAL", "NULL"


class InputVersions:
    """The version and event of every input, read in two queries per asset.

    External inputs may have changed since their last observation; then they are observed again, so
    that the recorded versions are those of the bytes that the run reads.

    Args:
        instance: the Dagster instance.
        read_from: the inputs of the run.
        inputs: asset key -> whether it is partitioned by country.
        countries: the partitions of the run.
        observed: the inputs that 1B only reads, as they are now.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        read_from: RunInputs,
        inputs: Mapping[dg.AssetKey, bool],
        countries: Sequence[str],
        observed: Observed,
    ) -> None:
        record_observations(instance, read_from, observed)
        self._by_country: dict[dg.AssetKey, Mapping[str, tuple[str, str]]] = {}
        self._whole: dict[dg.AssetKey, tuple[str, str]] = {}
        for key, partitioned in inputs.items():
            if partitioned:
                self._by_country[key] = latest_by_country(instance, key, countries)
            else:
                record = instance.get_latest_data_version_record(key)
                version = record and recorded_version(record)
                if record is not None and version is not None:
                    self._whole[key] = (version, str(record.storage_id))
        self._inputs = inputs

    def tags(self, country: str, data_version: str, code_version: str) -> dict[str, str]:
        """The tags of a country's materialisation."""
        tags = {
            DATA_VERSION_TAG: data_version,
            USER_PROVIDED_TAG: "true",
            CODE_VERSION_TAG: code_version,
        }
        for key, partitioned in self._inputs.items():
            unknown = (NO_VERSION, NO_EVENT)
            found = self._by_country[key].get(country, unknown) if partitioned else (
                self._whole.get(key, unknown)
            )  # fmt: skip
            tags[input_version_tag(key)] = found[0]
            tags[_INPUT_POINTER_TAG + key.to_user_string()] = found[1]
        return tags


def input_version_tag(key: dg.AssetKey) -> str:
    """The tag of a materialisation that holds the data version of one of its inputs."""
    return _INPUT_VERSION_TAG + key.to_user_string()


def recorded_version(record: dg.EventLogRecord) -> str | None:
    """The data version of a recorded materialisation or observation."""
    entry = record.event_log_entry
    event = entry.asset_materialization or entry.asset_observation
    return event.tags.get(DATA_VERSION_TAG) if event and event.tags else None


def latest_by_country(
    instance: dg.DagsterInstance, key: dg.AssetKey, countries: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Country -> data version and event of its latest materialisation (or observation)."""
    kind = (
        dg.DagsterEventType.ASSET_OBSERVATION
        if key in INPUT_DATASETS
        else dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    log = instance.event_log_storage
    ids = log.get_latest_storage_id_by_partition(key, kind, set(countries))
    tags = log.get_latest_tags_by_partition(key, kind, [DATA_VERSION_TAG], list(countries))
    return {c: (tags.get(c, {}).get(DATA_VERSION_TAG, NO_VERSION), str(i)) for c, i in ids.items()}


def observed_versions(
    inputs: RunInputs, upstream: Iterable[dg.AssetKey], countries: Iterable[str] = ()
) -> Observed:
    """The data versions, as they are now, of those of `upstream` that 1B only reads."""
    found: dict[dg.AssetKey, str | Mapping[str, str]] = {}
    for key in upstream:
        dataset = INPUT_DATASETS.get(key)
        if dataset == POLYGONS:
            found[key] = {c: inputs.polygon_sha256(c) for c in countries}
        elif dataset and (version := input_version(inputs, dataset)):
            found[key] = version
    return found


def record_observations(
    instance: dg.DagsterInstance, inputs: RunInputs, versions: Observed
) -> list[dg.AssetKey]:
    """Record the inputs whose version differs from the recorded one, and return them."""
    changed = []
    for key, version in versions.items():
        new: dict[str | None, str]
        if isinstance(version, str):
            record = instance.get_latest_data_version_record(key, is_source=True)
            new = {None: version} if not record or recorded_version(record) != version else {}
        else:
            known = latest_by_country(instance, key, list(version))
            new = {c: v for c, v in version.items() if known.get(c, (None, ""))[0] != v}
        for partition, value in new.items():
            shown = {} if partition else input_metadata(inputs, INPUT_DATASETS[key], value)
            instance.report_runless_asset_event(
                dg.AssetObservation(
                    key, partition=partition, tags={DATA_VERSION_TAG: value}, metadata=shown
                )
            )
        if new:
            changed.append(key)
    return changed


#: The same for every country, or not a quantity: as numbers Dagster would plot them.
_NO_MEASURE = {
    "K", "postquant_sum_fp", "raster_bytes_uncompressed", "tile_id_min", "tile_id_max"
}  # fmt: skip
#: Outcome of publishing -> its text on the partition's page.
_STATUS = {"published": "by this run", "identical": "before, with the same bytes"}


def output_metadata(output: Mapping[str, Any], path: str) -> dict[str, dg.MetadataValue[Any]]:
    """A partition's run report as metadata for its page in the web UI.

    Dagster plots every number over the partitions. Where there are no rows, a zero that describes
    rows (their speed, their most attempts) is no measurement and is left out.
    """
    seconds, rows = float(output["wall_clock_seconds"]), int(output["rows_emitted"])
    shown: dict[str, dg.MetadataValue[Any]] = {
        "dagster/partition_row_count": dg.MetadataValue.int(rows),
        "bytes": dg.MetadataValue.int(int(output["bytes_on_disk"])),
        "receipt": dg.MetadataValue.text(str(output["receipt"])),
        "published": dg.MetadataValue.text(_STATUS[output["status"]]),
        "path": dg.MetadataValue.path(path),
        "seconds": dg.MetadataValue.float(seconds),
    }
    if rows:
        shown["rows_per_second"] = dg.MetadataValue.int(int(output["rows_per_second"]))
    hidden = {
        "dataset", "status", "receipt", "rows_emitted", "bytes_on_disk", "wall_clock_seconds",
        "data_version", "rows_per_second", "open_files", "workers", "batch_rows", "cpu_seconds",
        "inputs", "ingress_versions",
    }  # fmt: skip
    for name, value in output.items():
        if name in hidden or (not rows and value == 0):
            continue
        if name == "peak_rss_bytes":
            shown["peak_memory"] = dg.MetadataValue.text(f"{value / 2**20:,.0f} MiB")
        elif name == "grid_dims":
            shown["grid"] = dg.MetadataValue.text(
                f"{value['nrows']:,} rows x {value['ncols']:,} columns"
            )
        elif name in _NO_MEASURE and value is not None:
            shown[name] = dg.MetadataValue.text(str(value))
        elif isinstance(value, bool):
            shown[name] = dg.MetadataValue.bool(value)
        elif isinstance(value, int) and abs(value) < 1 << 63:
            shown[name] = dg.MetadataValue.int(value)
        elif isinstance(value, float):
            shown[name] = dg.MetadataValue.float(value)
        elif isinstance(value, dict):
            if value:
                shown[name] = dg.MetadataValue.json(value)
        elif value is not None:
            shown[name] = dg.MetadataValue.text(str(value))
    return shown
