"""Policy files as editors and YAML writers leave them: read right, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import load_policy

PLAIN = "policy_version: 1\nbasis: area_m2\ndp: 12\n"
BOM = b"\xef\xbb\xbf"


def load(path: Path, content: bytes, policy: str = "policy.s2.tile_weights") -> object:
    path.write_bytes(content)
    return load_policy(policy, path)


@pytest.mark.parametrize(
    "content",
    [
        BOM + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        BOM + PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        b"---\n" + PLAIN.encode() + b"...\n",
        b"%YAML 1.2\n---\n" + PLAIN.encode(),
        b"# made by hand\n\n" + PLAIN.replace("\n", "   # why\n").encode(),
        b'{"policy_version": 1, "basis": "area_m2", "dp": 12}',
        PLAIN.replace("12", "+12").encode(),
        PLAIN.replace("area_m2", "'area_m2'").encode(),
    ],
    ids=lambda c: repr(c)[2:42],
)
def test_what_editors_and_writers_leave_is_read(tmp_path: Path, content: bytes) -> None:
    assert load(tmp_path / "p.yaml", content) == load(tmp_path / "plain.yaml", PLAIN.encode())


@pytest.mark.parametrize(
    "content",
    [PLAIN.encode("utf-16"), PLAIN.encode("utf-16-be"), (PLAIN + "# café").encode("cp1252")],
    ids=["UTF-16", "UTF-16 without a mark", "Windows-1252"],
)
def test_other_encodings_are_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Segment1BError, match="not UTF-8") as caught:
        load(tmp_path / "p.yaml", content)
    assert caught.value.code == "E_POLICY_INVALID"
    assert "UTF-8" in caught.value.next_step


@pytest.mark.parametrize("written", ["012", "0o14", "0xC", "0b11", "1_2", "1:2", "12.0", "'12'"])
def test_a_number_that_two_yamls_read_apart_is_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(Segment1BError, match="'dp': Input should be a valid integer"):
        load(tmp_path / "p.yaml", PLAIN.replace("12", written).encode())


def test_words_and_dates_stay_words(tmp_path: Path) -> None:
    text = "policy_version: 2024-12-31\nenabled: true\ndenylist_country_iso: [NO, ON, FR]\n"
    found = load(tmp_path / "p.yaml", text.encode(), "policy.s3.requirements")
    assert found.denied == {"NO", "ON", "FR"}  # type: ignore[attr-defined]
