"""``segment1b verify --deep``: partitions derived anew, held against what is published.

A partition is made by its state's own stream from the inputs and the published states before it,
through the writer, into a staging area that is removed. The receipts of its files and logs must be
those of the files that are published. What lies in reports and events is not asked: it could have
been changed together with the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.assets.every_state import PARTITIONED_STATES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.stage_partition import stage_partition
from segment1b_assets.storage.workers import run_concurrently


@dataclass(frozen=True)
class Derived:
    """A country's partition, derived anew, and where it differs from what is published."""

    dataset: str
    country: str
    differences: Sequence[Segment1BError]


def derive_state(
    inputs: RunInputs, state: str, countries: Sequence[str], workers: int
) -> Iterator[Derived]:
    """Derive every published partition of a state; yields them in order of completion.

    Memory and temporary disk are those of a run: a batch and a partition a worker.

    Raises:
        Segment1BError: an input that the whole state needs cannot be read.
    """
    (made,) = (s for s in PARTITIONED_STATES if s.id == state)
    with_retries("the inputs", lambda: inputs.preload(*made.preload))
    for dataset in made.streams:
        published = [c for c in countries if inputs.is_published(dataset, c)]
        derive = partial(_derive, inputs, made, dataset)
        yield from run_concurrently(derive, published, workers)


def _derive(inputs: RunInputs, state: PartitionedState, dataset: str, country: str) -> Derived:
    try:
        with inputs.root.staging_area() as work:
            stream = state.streams[dataset](inputs, country)
            staged = stage_partition(inputs, dataset, country, stream, work)
            pairs: list[tuple[str, Path | None]] = [(dataset, staged.folder)]
            if dataset == state.state.main:
                pairs += [(log, staged.logs.get(log)) for log in state.state.logs]
            found = [_difference(inputs, name, country, made) for name, made in pairs]
    except Segment1BError as err:
        return Derived(dataset, country, [err.with_country(country)])
    return Derived(dataset, country, [error for error in found if error is not None])


def _difference(
    inputs: RunInputs, name: str, country: str, made: Path | None
) -> Segment1BError | None:
    """What is wrong with a published partition or log, given the one that was derived."""
    target = inputs.path(name, country)
    there = inputs.root.exists(target)
    derived = None if made is None else receipt(made)
    published = receipt(inputs.root.ensure_local(target)) if there else None
    if derived == published:
        return None
    return Segment1BError(
        "E107_DETERMINISM",
        f"{name} is not what its inputs give: derived anew it has receipt {derived or 'none'}, "
        f"the published one {published or 'is not there'}",
        country=country,
        file=target,
        value=published,
        next_step=f"segment1b retire --dataset {name} --country {country} --why TEXT, then "
        f"segment1b run --countries {country}; if nobody changed it, the code has changed",
    )
