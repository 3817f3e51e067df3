"""Our S1 of some countries, for the comparison with the plain way."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from segment1b_assets.assets.s1_tiles import S1
from segment1b_assets.storage.drain import Done, Job, drain, peak_rss_bytes
from segment1b_assets.storage.segment import Segment, SegmentOptions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--countries", required=True)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    segment = Segment(SegmentOptions(given.root))
    segment.warm(*S1.warm)
    tiles = 0
    began = time.perf_counter()
    for dataset, opener in S1.outputs.items():
        jobs = [
            Job(
                dataset,
                c,
                lambda c=c, opener=opener: opener(segment, c),  # type: ignore[misc]
                S1.cost(segment, c),
            )
            for c in given.countries.split(",")
        ]
        for outcome in drain(segment, jobs, given.workers):
            assert isinstance(outcome, Done), outcome
            tiles += int(outcome.output["rows_emitted"])
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "tiles": tiles // len(S1.outputs),
                "seconds": seconds,
                "peak_rss_bytes": peak_rss_bytes(),
            }
        )
    )


if __name__ == "__main__":
    main()
