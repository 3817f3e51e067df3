"""Which partitions are stale or missing: schedules and sensors launch runs over them.

Two rules make a country's partition stale. Dagster's: an input, an earlier state or the code has
another version than the one that the partition was made from. The data root's: nothing is published
at the path of the current inputs, because their parameter_hash changed it or because the partition
was retired. Dagster does not know the paths, and its resolver takes thousands of queries, one
partition at a time; this module takes two per asset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from segment1b_assets.assets.every_state import PARTITIONED_STATES
from segment1b_assets.assets.references import INPUT_DATASETS
from segment1b_assets.assets.versions import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    input_version_tag,
    observed_versions,
    record_observations,
    recorded_version,
)
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.partitions import latest_materializations
from segment1b_assets.storage.input_versions import INPUTS, POLYGONS, polygon_versions
from segment1b_assets.storage.run_inputs import RunInputs


def observe_inputs(
    instance: dg.DagsterInstance, inputs: RunInputs, versions: Mapping[str, str | None]
) -> list[str]:
    """Record the inputs' versions as they are now; returns the assets whose version is new.

    Args:
        versions: dataset id -> data version, None for one that cannot be read.
    """
    present = [dg.AssetKey(asset_name(d)) for d, v in versions.items() if v is not None]
    found = observed_versions(inputs, present, [c for c in COUNTRY_CODES if c in inputs.iso_names])
    return [key.path[-1] for key in record_observations(instance, inputs, found)]


def missing_inputs(versions: Mapping[str, str | None]) -> list[str]:
    """The inputs that cannot be read, in the contract's order."""
    return [d for d in INPUTS if versions.get(d) is None]


@dataclass(frozen=True)
class StalePartitions:
    """The partitions that have to be made again.

    Attributes:
        countries: asset -> its countries that are stale, in code order, in the states' order.
    """

    countries: Mapping[str, Sequence[str]]

    @property
    def all_countries(self) -> list[str]:
        """Every country that is stale in some state."""
        return sorted({c for chosen in self.countries.values() for c in chosen})

    @property
    def assets(self) -> list[str]:
        """The assets in which some country is stale, in the states' order."""
        return [asset for asset, chosen in self.countries.items() if chosen]


def find_stale_partitions(instance: dg.DagsterInstance, inputs: RunInputs) -> StalePartitions:
    """Compare the event log and the data root with the inputs as last observed.

    A country that is stale in a state is stale in all the states that build on it.

    Raises:
        Segment1BError: the paths cannot be found (E_INPUT_MISSING, E_POLICY_INVALID …).
    """
    codes = [c for c in COUNTRY_CODES if c in inputs.iso_names]
    stale: dict[str, Sequence[str]] = {}
    versions: dict[str, Mapping[str, str]] = {POLYGONS: polygon_versions(inputs)}
    unpartitioned = {
        dg.AssetKey(d)
        for s in PARTITIONED_STATES
        for d in s.deps
        if d not in TABLES and d != POLYGONS
    }
    recorded = {k: version for k in unpartitioned if (version := _on_record(instance, k))}
    for state in PARTITIONED_STATES:
        before = [asset for asset in state.deps if asset in stale]
        for asset in state.streams:
            tags = {
                country: record.asset_materialization.tags or {}
                for country, record in latest_materializations(
                    instance, dg.AssetKey(asset), codes
                ).items()
                if record.asset_materialization is not None
            }
            versions[asset] = {c: t.get(DATA_VERSION_TAG, "") for c, t in tags.items()}
            stale_upstream = {c for b in before for c in stale[b]}
            stale[asset] = [
                c
                for c in codes
                if c in stale_upstream
                or not inputs.is_published(asset, c)
                or _differs(state.code_version, state.deps, c, tags.get(c), recorded, versions)
            ]
    return StalePartitions(stale)


def _differs(
    code_version: str,
    deps: Sequence[str],
    country: str,
    tags: Mapping[str, str] | None,
    recorded: Mapping[dg.AssetKey, str],
    versions: Mapping[str, Mapping[str, str]],
) -> bool:
    if tags is None or tags.get(CODE_VERSION_TAG) != code_version:
        return True
    for dep in deps:
        key = dg.AssetKey(dep)
        now = versions[dep].get(country) if dep in versions else recorded.get(key)
        if now is not None and tags.get(input_version_tag(key)) != now:
            return True
    return False


def _on_record(instance: dg.DagsterInstance, key: dg.AssetKey) -> str | None:
    record = instance.get_latest_data_version_record(key, is_source=key in INPUT_DATASETS)
    return recorded_version(record) if record else None
