"""An object store as data root: megabytes and partitions a second, up and down, and our own CPU.

    python -m benchmarks.object_store [--root s3://bucket/prefix] [--workers N] [--json FILE]

Publishes partitions of random bytes by the publish law, several side by side as a run does, and
reads them on a machine that has seen nothing (an empty mirror). Without ``--root`` a server is
started on loopback, the one of the tests; with it, the ``AWS_`` variables say where the store is,
and what was put stays below ``layer1/1B/tile_index/`` of the root: take a prefix to throw away.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.mirror import MIRROR_VARIABLE
from segment1b_assets.storage.open_root import open_root
from segment1b_assets.storage.workers import default_workers, run_concurrently

#: What a country's partition weighs -> how many of them are measured.
LOADS = {20 << 10: 200, 4 << 20: 32, 256 << 20: 2}


def put_all(root: DataRoot, parameter_hash: str, size: int, count: int, workers: int) -> None:
    content = os.urandom(size)

    def one(country: str) -> None:
        with root.staging_area() as work:
            folder = work / "partition"
            folder.mkdir()
            (folder / "part-00000.parquet").write_bytes(content)
            target = root.path_for("tile_index", parameter_hash=parameter_hash, country=country)
            root.publish(folder, target, dataset="tile_index", country=country)

    list(run_concurrently(one, COUNTRY_CODES[:count], workers))


def read_all(root: DataRoot, parameter_hash: str, size: int, count: int, workers: int) -> None:
    def one(country: str) -> int:
        files = root.part_files("tile_index", parameter_hash=parameter_hash, country=country)
        return sum(path.stat().st_size for path in files)

    found = sum(run_concurrently(one, COUNTRY_CODES[:count], workers))
    assert found == size * count, f"{found} bytes came back of {size * count}"


@contextlib.contextmanager
def own_server(folder: Path) -> Iterator[str]:
    from segment1b_assets_tests.s3_server import s3_server

    with s3_server(folder / "server.log") as server:
        os.environ.update(server.environment(folder))
        urllib.request.urlopen(
            urllib.request.Request(f"{server.url}/benchmark", method="PUT"), timeout=60
        ).close()
        yield "s3://benchmark/root"


def measure(url: str, folder: Path, workers: int) -> list[dict[str, float]]:
    rows = []
    for size, count in LOADS.items():
        parameter_hash = os.urandom(32).hex()
        seconds, cpu = {}, {}
        for way, work in (("up", put_all), ("down", read_all)):
            os.environ[MIRROR_VARIABLE] = str(folder / f"{way}-{size}")
            root = open_root(url)
            began, busy = time.perf_counter(), time.process_time()
            work(root, parameter_hash, size, count, workers)
            seconds[way] = time.perf_counter() - began
            cpu[way] = time.process_time() - busy
        rows.append(
            {
                "bytes": size,
                "partitions": count,
                "up_mb_s": size * count / seconds["up"] / 1e6,
                "up_partitions_s": count / seconds["up"],
                "up_cpu_ms_each": 1000 * cpu["up"] / count,
                "down_mb_s": size * count / seconds["down"] / 1e6,
                "down_partitions_s": count / seconds["down"],
                "down_cpu_ms_each": 1000 * cpu["down"] / count,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", help="s3://bucket/prefix; default is a server on loopback")
    parser.add_argument("--workers", type=int, default=default_workers())
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segment1b-benchmark-") as text:
        folder = Path(text)
        place = contextlib.nullcontext(given.root) if given.root else own_server(folder)
        with place as url:
            rows = measure(url, folder, given.workers)
    table = Table(title=f"object store, {given.workers} workers")
    ways = [f"{way} {what}" for way in ("up", "down") for what in ("MB/s", "a second", "CPU ms")]
    for name in ("partition", "count", *ways):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row['bytes'] / 1e6:,.2f} MB", *(f"{v:,.4g}" for k, v in row.items() if k != "bytes")
        )
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
