"""policy.s4.alloc_plan: what it takes, and what it refuses by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import load_policy
from segment1b_assets.core.arc_draw import reach_steps

ENABLED = "policy_version: 1\nenabled: true\nmode: population_arc_v1\n"


def load(folder: Path, text: str) -> object:
    path = folder / "policy.s4.alloc_plan.yaml"
    path.write_text(text)
    return load_policy("policy.s4.alloc_plan", path)


def test_the_plain_law_is_the_default(tmp_path: Path) -> None:
    policy = load(tmp_path, "policy_version: 1\n")
    assert not policy.enabled


def test_entries_of_reach_have_a_least_share_of_zero(tmp_path: Path) -> None:
    reach = "reach: [{n_max: 2, power: 8}, {n_max: 3, power: 1, min_ppm: 1000000}]\n"
    policy = load(tmp_path, ENABLED + reach)
    assert reach_steps(policy) == [(2, 8, 0), (3, 1, 1_000_000)]
    assert reach_steps(load(tmp_path, ENABLED)) == reach_steps(
        load(tmp_path, ENABLED + "reach: []")
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("policy_version: 1\nenabled: true\n", "mode"),
        ("policy_version: 1\nenabled: true\nmode: population_arc_v2\n", "mode"),
        (ENABLED + "reach: [{n_max: 1, power: 1}]", "reach.0.n_max"),
        (ENABLED + "reach: [{n_max: 2.0, power: 1}]", "reach.0.n_max"),
        (ENABLED + "reach: [{n_max: 2}]", "reach.0.power"),
        (ENABLED + "reach: [{n_max: 2, power: 0}]", "reach.0.power"),
        (ENABLED + "reach: [{n_max: 2, power: 9}]", "reach.0.power"),
        (ENABLED + "reach: [{n_max: 2, power: 1, min_ppm: -1}]", "reach.0.min_ppm"),
        (ENABLED + "reach: [{n_max: 2, power: 1, min_ppm: 1000001}]", "reach.0.min_ppm"),
        (ENABLED + "reach: [{n_max: 2, power: 1, share: 1}]", "reach.0.share"),
        (ENABLED + "reach: [{n_max: 3, power: 1}, {n_max: 3, power: 1}]", "reach"),
        (ENABLED + "reach: [{n_max: 3, power: 1}, {n_max: 2, power: 1}]", "reach"),
        (ENABLED + "arc: 1\n", "arc"),
    ],
)
def test_what_is_not_lawful_is_refused_by_its_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(Segment1BError) as caught:
        load(tmp_path, text)
    assert caught.value.code == "E_POLICY_INVALID"
    assert f"key '{key}'" in str(caught.value)
