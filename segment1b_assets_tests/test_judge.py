"""The door to the validators: every rule once, in order, and no rule held that was not judged."""

from __future__ import annotations

import errno

import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions, open_run_inputs
from segment1b_assets.validation.judge import JUDGES, RULES, complete, judge_dataset, rejection
from segment1b_assets.validation.verdict import Verdict
from segment1b_assets_tests.dagster_support import small_world


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> RunInputs:
    root = tmp_path_factory.mktemp("door") / "root"
    small_world(root)
    return open_run_inputs(RunOptions(root))


def results(verdicts: list[Verdict]) -> dict[str, str]:
    return {v.code: v.result for v in verdicts}


def test_a_partition_that_is_not_there_breaks_rules_and_holds_none_unjudged(
    inputs: RunInputs,
) -> None:
    for dataset, rules in RULES.items():
        verdicts = judge_dataset(inputs, dataset, "FI")
        assert [v.code for v in verdicts if v.code in rules] == list(rules)
        found = rejection(inputs, dataset, "FI", verdicts)
        assert found is not None
        assert results(verdicts)[found.code] == "broken"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (ZeroDivisionError("by zero"), "E_UNEXPECTED", "ZeroDivisionError: by zero"),
        (OSError(errno.EIO, "Input/output error"), "E_IO", "3 times"),
        (Segment1BError("E_INPUT_SCHEMA", "torn", file="x.parquet"), "E_INPUT_SCHEMA", "torn"),
    ],
)  # fmt: skip
def test_what_stops_a_judge_comes_first_and_the_rules_are_not_judged(
    inputs: RunInputs, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str, words: str
) -> None:
    tries = []

    def judge(inputs: RunInputs, country: str) -> list[Verdict]:
        tries.append(country)
        raise fault

    monkeypatch.setitem(JUDGES, "site_locations", judge)
    first, *others = judge_dataset(inputs, "site_locations", "FI")
    assert (first.code, first.result) == (code, "broken")
    assert words in first.detail
    assert first.where
    assert [v.code for v in others] == list(RULES["site_locations"])
    assert {v.result for v in others} == {"not judged"}
    assert all(code in v.detail for v in others)
    assert len(tries) == (3 if code == "E_IO" else 1)


def test_a_broken_verdict_outweighs_a_held_one_of_the_same_rule() -> None:
    held, broken = Verdict("A704", True), Verdict("A704", False, "row 3", where="row 3")
    found = complete(("A701", "A704"), [held, broken, held])
    assert results(found) == {"A701": "not judged", "A704": "broken"}
    assert "A704" in found[0].detail


def test_the_ledger_keeps_a_verdict() -> None:
    for verdict in (
        Verdict("A704", True),
        Verdict("A704", False, "row 3", where="row 3", value="7"),
        Verdict.not_judged("A704", "A702 stopped it"),
    ):
        assert Verdict.from_row(verdict.as_row()) == verdict


def test_a_rule_says_what_it_asks_and_what_to_do() -> None:
    for dataset, rules in RULES.items():
        for code in rules:
            verdict = Verdict(code, False)
            assert verdict.asks.endswith(".")
            step = verdict.next_step(dataset, "FR")
            assert "--dataset ID" not in step
            assert step
