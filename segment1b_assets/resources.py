"""The one resource: which data root, which 1A run, how many workers."""

import dagster as dg
from pydantic import Field

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.stream import BATCH_ROWS
from segment1b_assets.storage.data_root import default_root
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions, open_run_inputs
from segment1b_assets.storage.workers import default_workers


class Segment1B(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Data root, 1A run and workers; every field has a working default."""

    root: str = Field(
        default="",
        description="Data root, a folder or s3://bucket/prefix; empty is $SEGMENT1B_ROOT, else "
        "data/ in the repository.",
    )
    seed: str = Field(
        default="", description="Seed of the 1A run (decimal); empty finds the only one."
    )
    manifest_fingerprint: str = Field(
        default="", description="Fingerprint of the 1A run (64 hex); empty finds the only one."
    )
    workers: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Countries made in parallel; 0 is $SEGMENT1B_WORKERS, else one per core.",
    )
    batch_rows: int = Field(
        default=BATCH_ROWS, ge=1024, le=1 << 22, description="Rows of one batch in memory."
    )
    repair: bool = Field(
        default=False,
        description="Retire a published file that was damaged, and publish it anew: one whose "
        "bytes are not those of the recorded receipt, where this run makes those.",
    )

    @property
    def threads(self) -> int:
        return self.workers or default_workers()

    def open(self) -> RunInputs:
        """The root's inputs, read again where a file has changed.

        Raises:
            Segment1BError: E_POLICY_INVALID, the seed is not a whole number; as `open_run_inputs`.
        """
        return open_run_inputs(
            RunOptions(
                root=self.root or default_root(),
                seed=_whole_number(self.seed) if self.seed else None,
                manifest_fingerprint=self.manifest_fingerprint or None,
                batch_rows=self.batch_rows,
                repair=self.repair,
            )
        )


def _whole_number(seed: str) -> int:
    if not seed.isascii() or not seed.isdigit():
        raise Segment1BError(
            "E_POLICY_INVALID",
            "the seed of the segment1b resource must be a whole number in decimal",
            value=seed,
            next_step="correct it in the run's config, or leave it empty to find the only one",
        )
    return int(seed)
