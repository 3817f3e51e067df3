"""The 1A validation bundle, spoiled: its flag, its index, its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

from segment1b_assets_tests.hostile import files
from segment1b_assets_tests.hostile.cases import EVERYBODY, Case, Oddity
from segment1b_assets_tests.hostile.laboratory import Lab
from segment1b_assets_tests.oracle.bundle import FLAG, flag_digest

Spoil = Callable[[Lab], object]
INDEX = "index.json"


def flagged(lab: Lab) -> None:
    """Write the flag that fits the bundle as it is, so that only its rules stand against it."""
    (lab.bundle / FLAG).write_text(f"sha256_hex = {flag_digest(lab.bundle)}\n", "ascii")


def index(change: Callable[[list[dict[str, Any]]], Any]) -> Spoil:
    """Change the index (what `change` returns replaces it, unless None) and flag it anew."""

    def spoil(lab: Lab) -> None:
        path = lab.bundle / INDEX
        entries = json.loads(path.read_bytes())
        made = change(entries)
        made = entries if made is None else made
        path.write_bytes(made if isinstance(made, bytes) else json.dumps(made).encode())
        flagged(lab)

    return spoil


def entry(**fields: Any) -> Spoil:
    """Change the first entry's fields."""
    return index(lambda entries: entries[0].update(fields))


def another(path: Any, artifact: Any = "another") -> Spoil:
    return index(lambda entries: entries.append({"artifact_id": artifact, "path": path}))


def flag(content: bytes) -> Spoil:
    return lambda lab: (lab.bundle / FLAG).write_bytes(content)


def at(name: str, damage: Callable[..., object]) -> Spoil:
    return lambda lab: damage(lab.bundle / name)


def unlisted(lab: Lab) -> None:
    (lab.bundle / "stray.json").write_text("{}")
    flagged(lab)


def unlisted_link(lab: Lab) -> None:
    (lab.bundle / "stray.json").symlink_to("nowhere")


def listed_gone(lab: Lab) -> None:
    (lab.bundle / "a.json").unlink()
    flagged(lab)


def link_out(lab: Lab) -> None:
    outside = lab.root / "outside.json"
    outside.write_bytes((lab.bundle / "a.json").read_bytes())
    (lab.bundle / "a.json").unlink()
    (lab.bundle / "a.json").symlink_to(outside)


def folder_link_out(lab: Lab) -> None:
    outside = lab.root / "outside"
    shutil.move(lab.bundle / "a", outside)
    (lab.bundle / "a").symlink_to(outside, target_is_directory=True)


def changed_after(lab: Lab) -> None:
    (lab.bundle / "a.json").write_bytes((lab.bundle / "a.json").read_bytes() + b" ")


def no_bundle(lab: Lab) -> None:
    shutil.rmtree(lab.bundle)


def bundle_is_a_file(lab: Lab) -> None:
    shutil.rmtree(lab.bundle)
    lab.bundle.write_text("no folder")


def link_within(lab: Lab) -> None:
    """A link to another place within the bundle's own folder is harmless."""
    (lab.bundle / "a.json").rename(lab.bundle / "a" / "real.json")
    (lab.bundle / "a.json").symlink_to("a/real.json")
    path = lab.bundle / INDEX
    entries = json.loads(path.read_bytes())
    entries.append({"artifact_id": "real", "path": "a/real.json"})
    path.write_text(json.dumps(entries))
    flagged(lab)


def _s0(name: str, spoil: Spoil, code: str, *says: str) -> Case:
    return Case(f"1A bundle: {name}", spoil, ("S0",), code, EVERYBODY, says=says)


_FLAG, _INDEX = "E_FLAG_BAD", "E_INDEX_BAD"

CASES = [
    _s0("not there", no_bundle, _FLAG),
    _s0("a file in its place", bundle_is_a_file, _FLAG),
    _s0("no flag", at(FLAG, files.missing), _FLAG, FLAG),
    _s0("flag is a folder", at(FLAG, files.a_folder), _FLAG, FLAG),
    _s0("flag is a pipe", at(FLAG, files.a_pipe), _FLAG, FLAG),
    _s0("flag is endless", at(FLAG, files.endless), _FLAG, FLAG),
    _s0("flag empty", flag(b""), _FLAG, FLAG),
    _s0("flag of zeros", flag(b"sha256_hex = " + b"0" * 64 + b"\n"), _FLAG, "0" * 64),
    _s0("flag in upper case", flag(b"sha256_hex = " + b"AB" * 32), _FLAG),
    _s0("flag too short", flag(b"sha256_hex = abc"), _FLAG),
    _s0("flag with two lines", flag(b"sha256_hex = " + b"0" * 64 + b"\nsha256_hex = x\n"), _FLAG),
    _s0("flag without its name", flag(b"0" * 64), _FLAG),
    _s0("flag in UTF-16", flag("sha256_hex = 0".encode("utf-16")), _FLAG),
    _s0("a file changed after the flag", changed_after, _FLAG, "changed"),
    _s0("no index", at(INDEX, files.missing), _INDEX, INDEX),
    _s0("index is a folder", at(INDEX, files.a_folder), _INDEX),
    _s0("index is a pipe", at(INDEX, files.a_pipe), _INDEX),
    _s0("index is endless", at(INDEX, files.endless), _INDEX),
    _s0("index empty", at(INDEX, files.zero_bytes), _INDEX),
    _s0("index cut in half", at(INDEX, files.half), _INDEX),
    _s0("index no JSON", at(INDEX, files.plain_text), _INDEX),
    _s0("index no UTF-8", index(lambda e: b"\xff\xfe\xff"), _INDEX),
    _s0("index an object", index(lambda e: {"artifacts": e}), _INDEX, "dict"),
    _s0("index null", index(lambda e: b"null"), _INDEX),
    _s0("index of texts", index(lambda e: [x["path"] for x in e]), _INDEX),
    _s0("index a million brackets deep", index(lambda e: b"[" * 1_000_000), _INDEX),
    _s0(
        "index of 17 MiB",
        index(lambda e: json.dumps(e).encode() + b" " * (17 << 20)),
        _INDEX,
        "16 MiB",
    ),
    _s0(
        "index with a number of a million digits",
        index(lambda e: b"[" + b"9" * 1_000_000 + b"]"),
        _INDEX,
    ),
    _s0("index names nothing", index(lambda e: []), _INDEX),
    _s0("entry without path", index(lambda e: e[0].pop("path") and None), _INDEX),
    _s0("entry without artifact_id", index(lambda e: e[0].pop("artifact_id") and None), _INDEX),
    _s0("path is a number", entry(path=7), _INDEX),
    _s0("path empty", entry(path=""), _INDEX),
    _s0("artifact_id is a list", entry(artifact_id=["x"]), _INDEX),
    _s0(
        "artifact_id twice",
        index(lambda e: e[1].update(artifact_id=e[0]["artifact_id"])),
        _INDEX,
        "twice",
    ),
    _s0("path twice", index(lambda e: e.append({**e[0], "artifact_id": "again"})), _INDEX, "twice"),
    _s0("path twice, spelt otherwise", another("./a.json"), _INDEX, "./a.json"),
    _s0("absolute path", another("/etc/hostname"), _INDEX, "/etc/hostname"),
    _s0("path with ..", another("../x/../a.json"), _INDEX, ".."),
    _s0("path that ends in ..", another("a/.."), _INDEX),
    _s0("path with a backslash", another("..\\a.json"), _INDEX),
    _s0("path with a null byte", another("a.json\0"), _INDEX),
    _s0(
        "path with a lone surrogate",
        index(lambda e: json.dumps([*e, {"artifact_id": "s", "path": "\ud800"}]).encode()),
        _INDEX,
    ),
    _s0("path of 5,000 letters", another("x" * 5000), _INDEX),
    _s0("path of a folder", another("a"), _INDEX),
    _s0("path below a file", another("a.json/b"), _INDEX),
    _s0("the flag listed", another(FLAG), _INDEX, "flag"),
    _s0("a file that is not listed", unlisted, _INDEX, "stray.json"),
    _s0("a dangling link that is not listed", unlisted_link, _INDEX, "stray.json"),
    _s0("a listed file is gone", listed_gone, _INDEX, "a.json"),
    _s0("a link out of the bundle", link_out, _INDEX, "a.json"),
    _s0("a folder that is a link out", folder_link_out, _INDEX),
    _s0("a listed file is a pipe", at("a.json", files.a_pipe), _INDEX, "a.json"),
    _s0("a listed file is endless", at("a.json", files.endless), _INDEX, "a.json"),
    Case(
        "1A bundle: changed after the gate",
        changed_after,
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "1A bundle: flag gone after the gate",
        at(FLAG, files.missing),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
    Case(
        "1A bundle: other bundle with a good flag after the gate",
        lambda lab: (changed_after(lab), flagged(lab)),
        ("S3",),
        "E301_NO_PASS_FLAG",
        EVERYBODY,
        stage="weighed",
    ),
]

ODDITIES = [
    Oddity(
        "1A bundle: flag without a line feed",
        lambda lab: (lab.bundle / FLAG).write_text(
            f"sha256_hex = {flag_digest(lab.bundle)}", "ascii"
        ),
        ("S0",),
    ),
    Oddity(
        "1A bundle: further keys in the index",
        index(lambda e: [x.update(note="fine") for x in e] and None),
        ("S0",),
    ),
    Oddity("1A bundle: a link within", link_within, ("S0",)),
]
