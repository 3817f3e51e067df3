"""Our S1 of some countries, for the comparison with the plain way."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from segment1b_assets.assets.s1_tiles import S1
from segment1b_assets.storage.memory import peak_rss_bytes
from segment1b_assets.storage.publish_partitions import Done, Job, publish_partitions
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--countries", required=True)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    inputs = RunInputs(RunOptions(given.root))
    inputs.preload(*S1.preload)
    tiles = 0
    began = time.perf_counter()
    for dataset, opener in S1.streams.items():
        jobs = [
            Job(
                dataset,
                c,
                lambda c=c, opener=opener: opener(inputs, c),  # type: ignore[misc]
                S1.cost(inputs, c),
            )
            for c in given.countries.split(",")
        ]
        for outcome in publish_partitions(inputs, jobs, given.workers, lambda done: done):
            assert isinstance(outcome, Done), outcome
            tiles += int(outcome.output["rows_emitted"])
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "tiles": tiles // len(S1.streams),
                "seconds": seconds,
                "peak_rss_bytes": peak_rss_bytes(),
            }
        )
    )


if __name__ == "__main__":
    main()
