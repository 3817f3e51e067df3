"""Every bad input ends in its named error; nothing of it is published; nobody else is harmed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from segment1b_assets_tests.hostile import (
    bundle_1a,
    catalogue,
    iso_list,
    policies,
    polygons,
    raster,
    upstream,
)
from segment1b_assets_tests.hostile.cases import EVERYBODY, Case, Oddity
from segment1b_assets_tests.hostile.laboratory import (
    BAD,
    COUNTRIES,
    GOOD,
    STAGES,
    Lab,
    build_world,
    copy_of,
    datasets_of,
    run,
)

INPUTS = (iso_list, polygons, raster, catalogue, bundle_1a, policies, upstream)
CASES: list[Case] = [case for module in INPUTS for case in module.CASES]
ODDITIES: list[Oddity] = [odd for module in INPUTS for odd in module.ODDITIES]
ONE_GIB = 1 << 30
#: Slow by their size; `a million holes` and smaller ones are tried at every landing.
NIGHTLY = {
    "polygon: a million islands",
    "polygon: a hundred thousand holes",
    "polygon: a hundred thousand islands",
    "polygons: unpacks to 300 MiB",
}
#: Seconds of processor time: what "within seconds" is on a machine whose load does not matter.
SECONDS = 60.0


def _by_night(cases: Sequence[Case | Oddity]) -> list[Any]:
    night = [pytest.mark.nightly]
    return [pytest.param(c, id=c.name, marks=night if c.name in NIGHTLY else []) for c in cases]


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


class Shelf:
    """Worlds with the first states published, made when first asked for."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self._folder = folder
        self._instance = instance
        root = folder / "inputs"
        self._labs = {"inputs": Lab(root, build_world(root))}

    def __getitem__(self, stage: str) -> Lab:
        if stage not in self._labs:
            before = max((s for s in STAGES if len(STAGES[s]) == len(STAGES[stage]) - 1), key=str)
            lab = copy_of(self[before], self._folder / stage)
            outcome = run(self._instance, lab, STAGES[stage][-1:])
            assert outcome.success, outcome
            self._labs[stage] = lab
        return self._labs[stage]

    def truth(self, state: str) -> Lab:
        """The untouched world with this state published."""
        stage = next((s for s in STAGES if STAGES[s][-1:] == (state,)), None)
        if stage is not None:
            return self[stage]
        if state not in self._labs:
            lab = copy_of(self["synthesised"], self._folder / state)
            assert run(self._instance, lab, ("S8",)).success
            self._labs[state] = lab
        return self._labs[state]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("hostile"), instance)


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    names = [c.name for c in (*CASES, *ODDITIES)]
    assert len(names) == len(set(names))
    assert len(CASES) >= 150


@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", _by_night(CASES))
def test_bad_input_ends_in_its_named_error(
    case: Case, prefix: Shelf, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    truth = {d: prefix.truth(case.states[-1]).versions(d) for d in datasets_of(case.states[-1])}
    lab = copy_of(prefix[case.stage], tmp_path / "root")
    case.spoil(lab)
    lab.reseal()
    before = lab.published() if _readable(lab) else {}
    held, began = _forget_peak_memory(), time.process_time()

    outcome = run(instance, lab, case.states)

    assert time.process_time() - began < SECONDS
    assert _peak_memory() - held < ONE_GIB
    assert not outcome.success
    told = _told(case, outcome)
    for text in told:
        for word in (case.code, "next step:", *case.says):
            assert word in text, f"{word!r} is not in {text!r}"
    _nothing_of_it_is_published(case, lab, before)
    if case.country != EVERYBODY:
        _the_others_are_unharmed(case, lab, truth)
    _it_is_on_record(case, lab)
    assert not list((lab.root / ".staging").glob("*"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("odd", _by_night(ODDITIES))
def test_odd_input_that_is_good_works(
    odd: Oddity, prefix: Shelf, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    lab = copy_of(prefix[odd.stage], tmp_path / "root")
    odd.spoil(lab)
    lab.reseal()
    held = _forget_peak_memory()

    outcome = run(instance, lab, odd.states)

    assert _peak_memory() - held < ONE_GIB
    assert outcome.success, outcome
    for dataset in datasets_of(odd.states[-1]):
        found = lab.versions(dataset)
        assert sorted(found) == COUNTRIES
        if odd.same:
            assert found == prefix.truth(odd.states[-1]).versions(dataset)


def _readable(lab: Lab) -> bool:
    """Whether what is published can be read at all: a case may have put a pipe there."""
    top = lab.root / "layer1" / "1B"
    return all(p.is_file() or p.is_dir() for p in top.rglob("*"))


def _told(case: Case, outcome: object) -> list[str]:
    """The message that each country failed with; S0 has no countries."""
    failures, messages = outcome.failures, outcome.messages  # type: ignore[attr-defined]
    if case.states[-1] == "S0":
        return messages[:1]
    state = case.states[-1]
    whom = set(COUNTRIES) if case.country == EVERYBODY else {case.country}
    failed = {country for of, country in failures if of == state}
    assert failed == whom | set(case.also), (failures, messages)
    assert {of for of, _ in failures} == {state}, failures
    return [failures[state, country] for country in sorted(whom)]


def _nothing_of_it_is_published(case: Case, lab: Lab, before: dict[str, bytes]) -> None:
    if not _readable(lab):
        after = {p for p in (lab.root / "layer1" / "1B").rglob("*.parquet") if p.is_file()}
        state_datasets = datasets_of(case.states[-1])
        assert not [p for p in after if BAD in p.parent.name and p.parts[-4] in state_datasets]
        return
    after = lab.published()
    assert {name: after.get(name) for name in before} == before
    new = set(after) - set(before)
    failing = tuple(f"{d}/" for d in datasets_of(case.states[-1])) or ("",)
    barred = {n for n in new if n.startswith(failing)}
    if case.country in COUNTRIES:
        barred = {n for n in barred if f"/country={case.country}/" in n}
    elif case.country != EVERYBODY:
        barred = {n for n in barred if not any(f"/country={c}/" in n for c in COUNTRIES)}
    assert not barred


def _the_others_are_unharmed(case: Case, lab: Lab, truth: dict[str, dict[str, str]]) -> None:
    """The other countries' rows are those of the untouched world."""
    for dataset, versions in truth.items():
        found = lab.versions(dataset)
        for country in GOOD:
            assert found.get(country) == versions[country], (dataset, country)


def _it_is_on_record(case: Case, lab: Lab) -> None:
    state = case.states[-1]
    folder = lab.root / "reports/layer1/1B/failures" / f"state={state}"
    events = [json.loads(p.read_bytes()) for p in folder.rglob("*.json")]
    mine = [e for e in events if e["code"] == case.code]
    assert mine, [e["code"] for e in events]
    assert all(e["event"] == f"{state}_ERROR" for e in mine)
    if case.country != EVERYBODY:
        assert case.country in {e["country"] for e in mine}


def _forget_peak_memory() -> int:
    """Start the peak anew; returns what the tests before left in this process, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak_memory()


def _peak_memory() -> int:
    """Bytes: the most memory held since `_forget_peak_memory`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM in /proc/self/status")
