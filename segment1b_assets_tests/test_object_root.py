"""The publish law and the mirror of a root in an object store, against a real server."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage import object_store
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.object_root import ObjectRoot
from segment1b_assets.storage.open_root import open_root
from segment1b_assets.storage.retire import retire
from segment1b_assets_tests.child_processes import kill_group, running
from segment1b_assets_tests.s3_server import KEY_ID, SECRET, Server, s3_server
from segment1b_assets_tests.store_support import FR, PH, REPOSITORY, Bucket, be_machine, put
from segment1b_assets_tests.waiting import wait_for

FOLDER = f"layer1/1B/tile_index/parameter_hash={PH}/country=FR"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with s3_server(tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    yield Bucket(server)
    for trait in ("slow", "only", "deny", "blind", "blind_parts", "conflicts"):
        server.trait(trait, "")


def read(root: DataRoot) -> list[bytes]:
    return [path.read_bytes() for path in root.part_files("tile_index", **FR)]


def test_what_one_machine_publishes_another_reads(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bucket.root(monkeypatch, tmp_path / "one")
    two = bucket.root(monkeypatch, tmp_path / "two")
    assert read(two) == []
    assert put(one, b"first").status == "published"
    two.refresh()
    assert two.part_files("tile_index", **FR)
    assert read(two) == read(one) == [b"first"]
    assert bucket.keys() == [f"{FOLDER}/part-00000.parquet"]


def test_a_listing_is_believed_for_two_seconds_at_most(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bucket.root(monkeypatch, tmp_path / "one")
    two = bucket.root(monkeypatch, tmp_path / "two")
    assert read(two) == []
    put(one, b"first")
    until = time.monotonic() + 60
    while not read(two):
        assert time.monotonic() < until
        time.sleep(0.2)
    before = bucket.server.requests()
    for _ in range(300):
        assert read(two) == [b"first"]
    assert bucket.server.requests() - before < 100


def test_the_same_bytes_again_put_nothing_and_other_bytes_are_refused(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bucket.root(monkeypatch, tmp_path / "one")
    put(one, b"first")
    bucket.server.writes()
    assert put(one, b"first").status == "identical"
    # A machine that has not seen it yet finds out by its put, which the store refuses.
    two = bucket.root(monkeypatch, tmp_path / "two")
    assert put(two, b"first").status == "identical"
    with pytest.raises(Segment1BError) as refused:
        put(bucket.root(monkeypatch, tmp_path / "three"), b"other")
    assert refused.value.code == "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL"
    assert not [line for line in bucket.server.writes() if "/layer1/" in line]
    assert bucket.get(f"{FOLDER}/part-00000.parquet") == b"first"


def test_of_two_that_have_not_seen_each_other_one_wins(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bucket.root(monkeypatch, tmp_path / "one")
    two = bucket.root(monkeypatch, tmp_path / "two")
    put(two, b"warm")  # proves the store's conditions, which takes longer than a listing holds
    retire(two, "tile_index", two.path_for("tile_index", **FR), "makes way")
    assert read(two) == []
    assert put(one, b"from one").status == "published"
    with pytest.raises(Segment1BError) as refused:
        put(two, b"from two")
    assert refused.value.code == "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL"
    assert bucket.get(f"{FOLDER}/part-00000.parquet") == b"from one"


def test_a_mirror_never_answers_with_what_was_retired_and_made_anew(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bucket.root(monkeypatch, tmp_path / "one")
    two = bucket.root(monkeypatch, tmp_path / "two")
    put(one, b"old one")
    assert read(two) == [b"old one"]
    folder = retire(one, "tile_index", one.path_for("tile_index", **FR), "test")
    two.refresh()
    assert not two.path_for("tile_index", **FR).exists() or read(two) == []
    assert not two.part_files("tile_index", **FR)
    put(one, b"new one")
    two.refresh()
    assert read(two) == [b"new one"]
    kept = f"{one.relative(folder)}/{FOLDER}/part-00000.parquet"
    assert bucket.get(kept) == b"old one"
    assert b'"why": "test"' in bucket.get(f"{one.relative(folder)}/retired.json")


def test_the_mirror_may_be_lost_or_spoilt(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bucket.root(monkeypatch, tmp_path / "one")
    put(root, b"first")
    (file,) = root.part_files("tile_index", **FR)
    file.write_bytes(b"fIrst")
    assert read(root) == [b"first"]
    shutil.rmtree(tmp_path / "one")
    assert read(root) == [b"first"]
    root.replace_file(root.path / "reports" / "x.json", b"{}")
    assert bucket.get("reports/x.json") == b"{}"


def test_large_files_go_up_in_parts_and_come_down_in_ranges(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "SINGLE_PUT_BYTES", 1 << 20)
    monkeypatch.setattr(object_store, "PART_BYTES", 5 << 20)
    content = os.urandom((17 << 20) + 3)
    assert put(bucket.root(monkeypatch, tmp_path / "one"), content).status == "published"
    assert bucket.keys() == [f"{FOLDER}/part-00000.parquet"]
    two = bucket.root(monkeypatch, tmp_path / "two")
    assert read(two) == [content]
    with pytest.raises(Segment1BError, match="E_IMMUTABLE"):
        put(bucket.root(monkeypatch, tmp_path / "three"), content[:-1])
    assert bucket.keys() == [f"{FOLDER}/part-00000.parquet"]


def test_a_killed_upload_of_several_files_is_not_seen(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_machine(monkeypatch, bucket.server, tmp_path / "killed")
    bucket.server.trait("only", "part-00000")
    bucket.server.trait("slow", "600")
    code = (
        "from segment1b_assets.storage.open_root import open_root\n"
        "from segment1b_assets_tests.store_support import put\n"
        f"put(open_root({bucket.url!r}), b'a' * 1000, b'b' * 1000, b'c' * 1000)"
    )
    with running(sys.executable, "-c", code, cwd=REPOSITORY) as child:

        def put_two() -> bool | None:
            assert child.poll() is None
            return True if len(bucket.keys("layer1")) >= 2 else None

        wait_for("two of three files", put_two)
        assert kill_group(child) == -signal.SIGKILL
    bucket.server.trait("slow", "")
    assert len(bucket.keys("layer1")) == 2
    root = bucket.root(monkeypatch, tmp_path / "next")
    assert read(root) == []
    assert not root.part_files("tile_index", **FR)
    # One file would make the others part of itself; other bytes would mix.
    for parts in ([b"one file"], [b"a", b"other", b"c"]):
        with pytest.raises(Segment1BError, match="cut short") as refused:
            put(root, *parts)
        assert refused.value.code == "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL"
        assert read(root) == []
    assert put(root, b"a" * 1000, b"b" * 1000, b"c" * 1000).status == "published"
    assert read(root) == [b"a" * 1000, b"b" * 1000, b"c" * 1000]


def test_left_over_uploads_can_be_retired(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bucket.root(monkeypatch, tmp_path / "one")
    bucket.put(f"{FOLDER}/part-00001.parquet", b"left over")
    with pytest.raises(Segment1BError, match="segment1b retire"):
        put(root, b"whole")
    retire(root, "tile_index", root.path_for("tile_index", **FR), "left over")
    assert put(root, b"whole").status == "published"
    assert bucket.keys("layer1") == [f"{FOLDER}/part-00000.parquet"]


def test_the_stores_staging_folder_is_swept_of_what_is_old(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bucket.root(monkeypatch, tmp_path / "one")
    bucket.put(".staging/left", b"by a killed upload")
    assert root.sweep_staging() == 0
    later = time.time() + 25 * 3600
    monkeypatch.setattr("segment1b_assets.storage.object_publish.time.time", lambda: later)
    assert root.sweep_staging() == 1
    assert bucket.keys() == []


def test_marks_of_folders_are_no_files(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bucket.root(monkeypatch, tmp_path / "one")
    put(root, b"first")
    for mark in (f"{FOLDER}/", "layer1/"):
        bucket.put(mark, b"")
    root.refresh()
    assert read(root) == [b"first"]


def test_a_store_that_ignores_conditions_is_refused(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bucket.root(monkeypatch, tmp_path / "one")
    bucket.server.trait("blind", "1")
    with pytest.raises(Segment1BError, match="If-None-Match") as refused:
        put(root, b"first")
    assert refused.value.code == "E_IO"
    assert bucket.keys() == []


@pytest.mark.parametrize("large", [False, True])
def test_a_conflict_is_no_sign_that_something_is_there(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(object_store, "SINGLE_PUT_BYTES", 3)
    root = bucket.root(monkeypatch, tmp_path / "one")
    bucket.server.trait("only", "/layer1/")
    bucket.server.trait("conflicts", "2")
    assert put(root, b"first").status == "published"
    assert bucket.get(f"{FOLDER}/part-00000.parquet") == b"first"
    assert read(bucket.root(monkeypatch, tmp_path / "two")) == [b"first"]


def test_a_store_that_is_in_conflict_for_good_is_told(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "CONFLICT_PAUSES", (0.0, 0.0))
    root = bucket.root(monkeypatch, tmp_path / "one")
    bucket.server.trait("only", "/layer1/")
    bucket.server.trait("conflicts", "1000")
    with pytest.raises(Segment1BError, match="409 ConditionalRequestConflict") as refused:
        put(root, b"first")
    assert refused.value.code == "E_IO"
    assert bucket.keys() == []


def test_a_store_that_ignores_the_condition_of_uploads_in_parts_is_refused_large_files(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.server.trait("blind_parts", "1")
    root = bucket.root(monkeypatch, tmp_path / "one")
    assert put(root, b"small").status == "published"
    monkeypatch.setattr(object_store, "SINGLE_PUT_BYTES", 64)
    other = bucket.root(monkeypatch, tmp_path / "two")
    retire(other, "tile_index", other.path_for("tile_index", **FR), "makes way")
    for trusting in (root, other):
        trusting.refresh()
        with pytest.raises(Segment1BError, match="CompleteMultipartUpload") as refused:
            put(trusting, b"large" * 20)
        assert refused.value.code == "E_IO"
    assert bucket.keys("layer1") == []
    assert bucket.keys(".staging") == []
    bucket.server.trait("blind_parts", "")
    assert put(root, b"large" * 20).status == "published"


def test_a_profile_is_told_and_not_passed_over(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_machine(monkeypatch, bucket.server, tmp_path / "one")
    monkeypatch.setenv("AWS_PROFILE", "people")
    assert read(open_root(bucket.url)) == []  # the keys are there: nobody is mistaken
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Segment1BError, match="AWS_PROFILE") as refused:
        open_root(bucket.url)
    assert (refused.value.code, refused.value.value) == ("E_IO", "people")
    assert "aws configure export-credentials" in refused.value.next_step


def test_no_credentials_at_all_are_told(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_machine(monkeypatch, bucket.server, tmp_path / "one")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    # Where a machine of the cloud would be asked who it is; nobody answers here.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Segment1BError, match="no credentials") as refused:
        read(open_root(bucket.url))
    assert refused.value.code == "E_IO"
    assert "AWS_ACCESS_KEY_ID" in refused.value.next_step


def test_refused_credentials_a_missing_bucket_and_a_dead_endpoint_are_told(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bucket.root(monkeypatch, tmp_path / "one")
    bucket.server.trait("deny", "1")
    for failing in (lambda: read(root), lambda: root.replace_file(root.path / "r/x", b"")):
        with pytest.raises(Segment1BError, match="refuses these credentials") as refused:
            failing()
        told = str(refused.value)
        assert refused.value.code == "E_IO"
        assert bucket.url in told
        assert "AWS_ACCESS_KEY_ID" in told
        assert KEY_ID not in told
        assert SECRET not in told
        assert refused.value.__cause__ is None
    bucket.server.trait("deny", "")
    nowhere = open_root("s3://no-such-bucket/prefix")
    for failing in (lambda: read(nowhere), lambda: put(nowhere, b"x")):
        with pytest.raises(Segment1BError, match="no such bucket") as refused:
            failing()
        assert refused.value.code == "E_IO"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Segment1BError, match=r"does not answer.*AWS_ENDPOINT_URL"):
        read(open_root(bucket.url))


@pytest.mark.parametrize(
    "place",
    ["s3://", "s3://Bucket/x", "s3://b/x", "s3://me:pass@bucket/x", "s3://bucket/../x",
     "s3://bucket/a//b", "s3://bucket/a?key=pass", "gs://bucket/x", "http://bucket/x"],
)  # fmt: skip
def test_other_urls_are_refused_and_not_repeated(place: str) -> None:
    with pytest.raises(Segment1BError) as refused:
        open_root(place)
    assert refused.value.code == "E_INPUT_MISSING"
    assert "pass@" not in str(refused.value)
    assert "key=pass" not in str(refused.value)


def test_a_folder_stays_a_folder(tmp_path: Path) -> None:
    assert open_root(tmp_path) == DataRoot(tmp_path)
    assert not isinstance(open_root(str(tmp_path)), ObjectRoot)
