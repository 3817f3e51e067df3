"""The documentation says what is: codes, commands, links, policies, and scripts that run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import annotated_types
import click
import dagster as dg
import pytest
from dagster._cli import create_dagster_cli
from pydantic.fields import FieldInfo

from segment1b_assets.automation.schedules import schedules
from segment1b_assets.automation.sensors import sensors
from segment1b_assets.cli import SUBCOMMANDS, group
from segment1b_assets.contracts.error_codes import ERROR_CODES
from segment1b_assets.contracts.policies import POLICY_MODELS
from segment1b_assets.reader import read_site_locations
from segment1b_assets_tests.dagster_support import run_assets
from segment1b_assets_tests.docs_text import (
    DOCS,
    REPOSITORY,
    anchors,
    blocks,
    commands,
    internal_links,
    pages,
    prose,
    sections,
    table_rows,
)

RECIPE = DOCS / "guide" / "root-by-hand.md"


def page_id(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def test_the_runbook_has_a_section_for_every_code_and_no_other() -> None:
    found = sections(DOCS / "runbook.md", 3)
    assert sorted(found) == sorted(ERROR_CODES)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_a_runbook_section_says_what_it_means_why_what_to_do_and_where_to_look(code: str) -> None:
    text = sections(DOCS / "runbook.md", 3)[code]
    meaning = ERROR_CODES[code].meaning
    assert meaning[0].upper() + meaning[1:] + "." in text.splitlines()
    for said in ("Cause.", "Do.", "Look at"):
        ((_, what),) = re.findall(rf"^- (\*\*{re.escape(said)}\*\*) (.+)$", text, re.MULTILINE)
        assert len(what) > 5


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_commands_of_segment1b_exist_with_their_options(page: Path) -> None:
    for words in commands(page, "segment1b"):
        parse(group, words)


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_commands_of_dagster_exist_with_their_options(page: Path) -> None:
    for words in commands(page, "dagster"):
        parse(create_dagster_cli(), words)


def parse(command: click.Command, words: list[str]) -> None:
    """Parse a call by click's own rules, down to the subcommand, running nothing."""
    assert words, f"{command.name} is called without a subcommand"
    context = click.Context(command, info_name=command.name)
    while isinstance(command, click.Group):
        assert not words[0].startswith("-"), f"{words[0]} where a subcommand is expected"
        found = command.get_command(context, words[0])
        assert found is not None, f"{command.name} has no subcommand {words[0]}"
        command, words = found, words[1:]
    command.make_context(command.name, list(words), parent=context)


def test_the_pages_name_every_subcommand() -> None:
    named = {words[0] for page in pages() for words in commands(page, "segment1b")}
    assert named == set(SUBCOMMANDS)


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_internal_links_resolve(page: Path) -> None:
    for link, target, anchor in internal_links(page):
        assert target.is_file() or (page.name == "README.md" and target.is_dir()), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", pages(), ids=page_id)
def test_files_of_the_code_that_are_named_exist(page: Path) -> None:
    """``core/fill.py`` and the like: a path of the package, or of the repository."""
    for named in re.findall(r"`([\w/]+\.(?:py|yaml))`", prose(page)):
        places = (REPOSITORY / named, REPOSITORY / "segment1b_assets" / named)
        tests = REPOSITORY / "segment1b_assets_tests" / named
        assert any(place.is_file() for place in (*places, tests)), named


def test_wherever_a_raster_is_warped_people_are_added_up() -> None:
    """In pages, messages and next steps: no gdalwarp without -r sum."""
    sources = [*pages(), *(REPOSITORY / "segment1b_assets").rglob("*.py")]
    calls = [
        (path.name, call)
        for path in sources
        for call in re.findall(r"gdalwarp [^`\n]*", path.read_text("utf-8"))
    ]
    assert len(calls) >= 5
    assert [c for c in calls if "-r sum" not in c[1]] == []


def test_the_table_of_files_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "faults_of_files.md").read_text("utf-8")))
    tests = "\n".join(p.read_text("utf-8") for p in Path(__file__).parent.glob("test_*.py"))
    assert {n for n in named if f"def {n}(" not in tests} == set()


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"^ +- .*: (\S+\.md)$", (REPOSITORY / "mkdocs.yml").read_text(), re.M))
    assert listed == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}


def test_the_contracts_sections_that_the_code_cites_exist() -> None:
    """``contract §4, S1``, ``contract section 5`` and, in between, ``contract §4, S5, and §5``."""
    numbers = {title.partition(".")[0] for title in sections(DOCS / "contract.md", 2)}
    states = set(re.findall(r"\*\*(S\d)", sections(DOCS / "contract.md", 2)["4. The states"]))
    assert states == {f"S{n}" for n in range(10)}
    cited = 0
    files = [p for p in REPOSITORY.glob("segment1b_assets*/**/*") if p.suffix in (".py", ".yaml")]
    for file in files:
        text = " ".join(file.read_text("utf-8").split())
        for citation in re.findall(r"[Cc]ontract(?:'s)? (?:§|section |S\d)[^.;:)\"]*", text):
            found = re.findall(r"(?:§|section )(\d+)", citation)
            assert set(found) <= numbers, (file, citation)
            assert set(re.findall(r"\b(S\d)\b", citation)) <= states, (file, citation)
            cited += len(found)
    assert cited > 60


def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the dependency group `docs` is not installed")
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "site" / "runbook" / "index.html").is_file()


@pytest.mark.parametrize("policy", POLICY_MODELS)
def test_policies_are_listed_with_every_key_range_and_default(policy: str) -> None:
    rows = table_rows(sections(DOCS / "policies.md", 2)[policy])
    told = {cells[0].strip("`"): cells for cells in rows if cells[0].startswith("`")}
    fields = POLICY_MODELS[policy].model_fields
    assert sorted(told) == sorted(fields)
    for key, field in fields.items():
        _, values, default, effect = told[key]
        for word in domain(field):
            assert word in values, f"{key}: {values!r} does not tell {word!r}"
        assert default.strip("`") == default_of(field), key
        assert effect


def domain(field: FieldInfo) -> Iterator[str]:
    """What the column of values must tell: choices, bounds, patterns, also of a list's items."""
    annotation: Any = field.annotation
    if annotation is bool:
        yield from ("true", "false")
    metadata = [*field.metadata]
    for argument in getattr(annotation, "__args__", ()):
        if isinstance(argument, str):
            yield f"`{argument}`"
        for item in getattr(argument, "__metadata__", ()):
            metadata += getattr(item, "metadata", [item])
    for rule in metadata:
        if isinstance(rule, annotated_types.Ge):
            yield f"{rule.ge} to"
        elif isinstance(rule, annotated_types.Le):
            yield f"to {rule.le}"
        elif (pattern := getattr(rule, "pattern", None)) is not None:
            yield f"`{pattern}`"


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return (
        {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value or "empty")
    )


def test_schedules_and_sensors_are_listed() -> None:
    told = {cells[0] for cells in table_rows((DOCS / "guide" / "schedule.md").read_text("utf-8"))}
    assert {f"`{s.name}` (schedule)" for s in schedules} <= told
    assert {f"`{s.name}` (sensor)" for s in sensors} <= told


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root that the recipe for one's own data makes, with every state run on it."""
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "data").symlink_to(REPOSITORY / "data")
    script = folder / "recipe.py"
    script.write_text("\n".join(blocks(RECIPE, "python")), encoding="utf-8")
    subprocess.run([sys.executable, script], cwd=folder, check=True, timeout=120)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_assets(instance, folder / "my-root", countries=["LU", "LV"]).success
    return folder / "my-root"


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "root"))


def test_the_recipes_data_ends_as_sites_behind_a_flag(finished: Path) -> None:
    sites = read_site_locations(finished).collect()
    assert sites.group_by("merchant_id").len().sort("merchant_id").rows() == [(7, 3), (1001, 40)]
    assert set(sites["legal_country_iso"].to_list()) == {"LV"}


def recomputed(root: Path) -> subprocess.CompletedProcess[str]:
    """The shell block of docs/flag.md on a root."""
    (shell,) = blocks(DOCS / "flag.md", "sh")
    return subprocess.run(
        ["sh", "-c", shell],
        env={"ROOT": str(root), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def bundle_of(root: Path) -> Path:
    (bundle,) = (root / "layer1/1B/validation").iterdir()
    return bundle


def site_file(root: Path) -> Path:
    (path,) = (root / "layer1/1B/site_locations").rglob("country=LV/*.parquet")
    return path


def test_the_shell_recomputes_the_flag(finished: Path) -> None:
    done = recomputed(finished)
    flag = (bundle_of(finished) / "_passed.flag").read_text("ascii").split()[-1]
    assert (done.returncode, done.stdout, done.stderr) == (0, f"PASS {flag}\n", "")


def change_a_byte(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (lambda root: change_a_byte(site_file(root)), "a site file differs"),
        (lambda root: site_file(root).unlink(), "a site file differs"),
        (lambda root: (site_file(root).with_name("x")).touch(), "other site files"),
        (lambda root: change_a_byte(bundle_of(root) / "s9_summary.json"), "the files give"),
        (lambda root: (bundle_of(root) / "stray.txt").touch(), "index.json does not list"),
        (lambda root: (bundle_of(root) / "MANIFEST.json").unlink(), "index.json does not list"),
        (lambda root: (bundle_of(root) / "_passed.flag").unlink(), "there is no flag"),
        (lambda root: (bundle_of(root) / "_passed.flag").write_text("PASS\n"), "the flag says"),
    ],
)  # fmt: skip
def test_the_shell_refuses_what_was_tampered_with(copy: Path, tamper: Any, reason: str) -> None:
    tamper(copy)
    done = recomputed(copy)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("REFUSED: ")
    assert reason in done.stdout
    assert "PASS" not in done.stdout.split()
