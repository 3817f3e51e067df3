"""Fuzz the readers of foreign files, guided by coverage (atheris), for as long as one likes.

    python -m benchmarks.fuzz_readers [--reader NAME | --together] [--seconds S]

Runs every reader of ``segment1b_assets_tests.fuzz.readers`` in a process of its own, and ends with
a table: tries, taken, refused by name, lost. Status 1 if a reader raised anything without a name;
its input is then left under ``--keep``. ``--together`` fuzzes all in one process, for a short
round; the first byte of an input then says for which reader it is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

TOGETHER = "together"


def fuzz_one(name: str, seconds: int, keep: Path) -> None:
    """Fuzz one reader, or all, in this process, which atheris ends; the count goes to `keep`."""
    import atheris

    with atheris.instrument_imports(include=["segment1b_assets", "yaml", "json"]):
        from segment1b_assets_tests.fuzz.readers import READERS, survives

    readers = [r for r in READERS if name in (r.name, TOGETHER)]
    mark = len(readers) > 1
    corpus = keep / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for index, reader in enumerate(readers):
        for number, seed in enumerate(reader.seeds):
            whole = bytes([index]) + seed if mark else seed
            (corpus / f"seed-{index}-{number}").write_bytes(whole)
    counts = {"tries": 0, "taken": 0, "refused": 0}
    told = keep / "counts.json"
    with tempfile.TemporaryDirectory() as folder:

        def one(raw: bytes) -> None:
            reader = readers[raw[0] % len(readers)] if mark and raw else readers[0]
            taken = survives(reader, Path(folder), raw[1:] if mark else raw)
            counts["tries"] += 1
            counts["taken" if taken else "refused"] += 1
            if counts["tries"] % 200 == 0:
                told.write_text(json.dumps(counts))

        atheris.Setup(
            [
                "fuzz_readers",
                str(corpus),
                f"-max_total_time={seconds}",
                f"-artifact_prefix={keep}/lost-",
                "-timeout=20",
                "-rss_limit_mb=1024",
                "-max_len=65536",
                "-len_control=0",
                "-verbosity=0",
            ],
            one,
        )
        atheris.Fuzz()


def main() -> int:
    """Fuzz the chosen readers and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reader")
    options.add_argument("--together", action="store_true")
    options.add_argument("--seconds", type=int, default=60, help="for each reader")
    options.add_argument("--keep", type=Path, default=Path(tempfile.mkdtemp(prefix="fuzz-")))
    options.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        fuzz_one(chosen.reader or TOGETHER, chosen.seconds, chosen.keep)
        return 0
    # Not before: what is imported already cannot be instrumented.
    from segment1b_assets_tests.fuzz.readers import READERS

    print(f"{'reader':<15}{'tries':>10}{'taken':>10}{'refused':>10}{'lost':>6}")
    lost_in_all = 0
    names = [TOGETHER] if chosen.together else [r.name for r in READERS]
    for name in names:
        if chosen.reader not in (None, name):
            continue
        keep = chosen.keep / name.replace(" ", "-")
        keep.mkdir(parents=True, exist_ok=True)
        ended = subprocess.run(
            [
                *(sys.executable, "-W", "ignore", "-m", "benchmarks.fuzz_readers", "--one"),
                *(() if name == TOGETHER else ("--reader", name)),
                *("--seconds", str(chosen.seconds), "--keep", str(keep)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        told = keep / "counts.json"
        counts = json.loads(told.read_text()) if told.exists() else {}
        lost = len(list(keep.glob("lost-*")))
        if ended.returncode and not lost:
            print(ended.stdout[-2000:], ended.stderr[-2000:], sep="\n", file=sys.stderr)
            lost = 1
        lost_in_all += lost
        row = [counts.get(k, 0) for k in ("tries", "taken", "refused")]
        print(f"{name:<15}" + "".join(f"{n:>10,}" for n in row) + f"{lost:>6}", flush=True)
        if lost:
            print(ended.stderr[-3000:], f"kept in {keep}", sep="\n")
    return 1 if lost_in_all else 0


if __name__ == "__main__":
    sys.exit(main())
