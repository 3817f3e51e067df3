"""The tags of a run: which countries it is for, who started it, how its events are recorded.

The literals of Dagster's own tags are part of its documented behaviour, or, for
``dagster/defer_asset_events``, tested by ``test_truth_per_country.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segment1b_assets.contracts.countries import COUNTRY_CODES

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
#: Under this tag only the events that we emit count, one for each published country.
DEFER_EVENTS_TAG = "dagster/defer_asset_events"
#: Dagster runs one partition or one contiguous range. A run over other countries carries the range
#: that spans them and this tag, which names the countries, comma-separated.
ONLY_TAG = "segment1b/only"
#: Shown to people: "all 249", "FR", "12 countries".
COUNTRIES_TAG = "segment1b/countries"
#: Who started it: "command", "nightly", "inputs_changed".
BY_TAG = "segment1b/by"
#: The data root of the run: an absolute folder, or s3://bucket/prefix.
ROOT_TAG = "segment1b/root"

EVENTS_PER_COUNTRY = {DEFER_EVENTS_TAG: "true"}
#: Where run retries are on. Failures are recorded by run, and a retry is another run: one that
#: began in the middle would not know the failed countries. Published partitions are found quickly.
RETRY_FROM_START = {"dagster/retry_strategy": "ALL_STEPS"}


def events_are_deferred(tags: Mapping[str, str]) -> bool:
    """Whether only our asset events count."""
    return tags.get(DEFER_EVENTS_TAG) == "true"


def partition_tags(countries: Sequence[str]) -> dict[str, str]:
    """The tags of one run over `countries`, which are in alphabetical order."""
    positions = [COUNTRY_CODES.index(c) for c in countries]
    tags = {
        RANGE_START_TAG: countries[0],
        RANGE_END_TAG: countries[-1],
        COUNTRIES_TAG: countries_label(countries),
    }
    if positions[-1] - positions[0] + 1 != len(positions):
        tags[ONLY_TAG] = ",".join(countries)
    return tags


def countries_label(countries: Sequence[str]) -> str:
    """The countries of a run as a person reads them."""
    if len(countries) == len(COUNTRY_CODES):
        return f"all {len(countries)}"
    return ",".join(countries) if len(countries) <= 8 else f"{len(countries)} countries"


def countries_of(tags: Mapping[str, str]) -> list[str]:
    """The countries that a run is for, in code order; empty for a run without partitions."""
    if PARTITION_TAG in tags:
        return [tags[PARTITION_TAG]]
    if RANGE_START_TAG not in tags:
        return []
    first, last = (COUNTRY_CODES.index(tags[t]) for t in (RANGE_START_TAG, RANGE_END_TAG))
    found = COUNTRY_CODES[first : last + 1]
    only = tags.get(ONLY_TAG)
    return [c for c in found if only is None or c in only.split(",")]
