"""A bucket as another client sees it (boto3), and roots in it as machines of their own."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.object_root import ObjectRoot
from segment1b_assets.storage.open_root import open_root
from segment1b_assets.storage.published import Published
from segment1b_assets_tests.s3_server import KEY_ID, SECRET, Server

REPOSITORY = Path(__file__).resolve().parents[1]
PH = "0" * 64
FR = {"parameter_hash": PH, "country": "FR"}


def put(root: DataRoot, *parts: bytes) -> Published:
    """Publish FR's tile_index of parts with these bytes."""
    with root.staging_area() as work:
        folder = work / "partition"
        folder.mkdir()
        for number, content in enumerate(parts):
            (folder / f"part-{number:05d}.parquet").write_bytes(content)
        target = root.path_for("tile_index", **FR)
        return root.publish(folder, target, dataset="tile_index", country="FR")


class Bucket:
    """A bucket of the test's own, and a root at a prefix of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = f"test-{uuid.uuid4().hex[:12]}"
        self.prefix = "some/prefix"
        self.url = f"s3://{self.name}/{self.prefix}"
        self.client: Any = boto3.client(
            "s3", endpoint_url=server.url, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )  # fmt: skip
        self.client.create_bucket(Bucket=self.name)

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"{self.prefix}/{key}", Body=content)

    def get(self, key: str) -> bytes:
        found = self.client.get_object(Bucket=self.name, Key=f"{self.prefix}/{key}")
        return bytes(found["Body"].read())

    def keys(self, under: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=f"{self.prefix}/{under}"
        )
        found = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return [key.removeprefix(f"{self.prefix}/") for key in found]

    def upload(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(path.relative_to(folder).as_posix(), path.read_bytes())

    def published(self) -> dict[str, str]:
        """As `run_support.published` of a local root."""
        return {
            key: hashlib.sha256(self.get(key)).hexdigest()
            for key in self.keys()
            if key.startswith(("layer1/1B/", "logs/"))
        }

    def root(self, patch: pytest.MonkeyPatch, mirror: Path) -> ObjectRoot:
        """The root as a machine with this mirror has it."""
        be_machine(patch, self.server, mirror)
        found = open_root(self.url)
        assert isinstance(found, ObjectRoot)
        return found


def be_machine(patch: pytest.MonkeyPatch, server: Server, mirror: Path) -> None:
    """From now on this process is a machine with a mirror of its own."""
    for name, value in server.environment(mirror).items():
        patch.setenv(name, value)
