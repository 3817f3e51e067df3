"""kill -9 at the very moves that matter: between logs and data, while one product replaces another.

Random kills seldom strike between two system calls, so these are aimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets_tests.faults import runs
from segment1b_assets_tests.faults.conftest import LONG, Undisturbed
from segment1b_assets_tests.oracle import layout

pytestmark = pytest.mark.timeout(LONG)
ALL = (*runs.STATES, "S9")
NIGHT = pytest.mark.nightly

#: S5 publishes two logs, then the partition, then its report: before which link or rename it dies.
MOVES = [
    ("rng/events/site_tile_assign", 1),
    ("rng/trace", 1),
    ("s5_site_tile_assignment/seed", 1),
    pytest.param("rng/trace", 2, marks=NIGHT),
    pytest.param("s5_site_tile_assignment/seed", 2, marks=NIGHT),
    pytest.param("s5_run_report.json", 1, marks=NIGHT),
    pytest.param("state=S5/", 2, marks=NIGHT),
]


@pytest.mark.parametrize(("part", "number"), MOVES)
def test_a_crash_between_publishing_logs_and_data(
    part: str, number: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    root = runs.copy(undisturbed.before_s5, tmp_path / "root")
    run = runs.start(root, tmp_path / "home", ("S5",), die_at=(part, number))
    assert run.end() == -9, run.text()
    runs.require_nothing_partial(root, undisturbed.whole)
    runs.finish(root, tmp_path / "home", undisturbed.whole)


@dataclass(frozen=True)
class Replacing:
    """A flagged world whose policy has changed, on its way to the next one.

    Attributes:
        flagged: as it was, but for the policy.
        before_s8: S0 to S7 are made anew.
        done: all is made anew, under a flag.
        whole: the published files of `done`.
    """

    flagged: Path
    before_s8: Path
    done: Path
    whole: dict[str, str]


@pytest.fixture(scope="module")
def replacing(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Replacing:
    folder = tmp_path_factory.mktemp("replacing")

    def then(before: Path, name: str, states: Sequence[str]) -> Path:
        root = runs.copy(before, folder / name)
        run = runs.start(root, folder / "home", states)
        assert run.end() == 0, run.text()
        return root

    flagged = then(undisturbed.done, "flagged", ("S9",))
    policy = layout.policy_path(flagged, "s2.tile_weights")
    policy.write_text(policy.read_text("utf-8") + "# another parameter_hash\n", "utf-8")
    before_s8 = then(flagged, "before_s8", runs.STATES[:8])
    done = then(before_s8, "done", ("S8", "S9"))
    return Replacing(flagged, before_s8, done, runs.tree(done))


#: S0 seals anew: flag aside, bundle aside, flag beside it, sealed inputs aside, new ones in.
SEALING = [
    ("_passed.flag", 1),
    ("validation/manifest_fingerprint", 2),
    ("sealed_inputs_1B.json", 2),
    pytest.param("_passed.flag", 2, marks=NIGHT),
    pytest.param("sealed_inputs_1B.json", 1, marks=NIGHT),
    pytest.param("retired.json", 1, marks=NIGHT),
    pytest.param("retired.json", 2, marks=NIGHT),
]


@pytest.mark.parametrize(("part", "number"), SEALING)
def test_a_crash_while_s0_seals_changed_inputs(
    part: str, number: int, replacing: Replacing, tmp_path: Path
) -> None:
    """The flag is gone first, whatever follows, and a re-run completes."""
    root = runs.copy(replacing.flagged, tmp_path / "root")
    old = {p.read_bytes() for p in _sites(root)}
    run = runs.start(root, tmp_path / "home", ("S0",), die_at=(part, number))
    assert run.end() == -9, run.text()
    _a_flag_vouches_only_for_the_whole(root, old)
    runs.finish(root, tmp_path / "home", replacing.whole, ALL)
    assert pass_flag(root).files


#: S8 of three countries: partition aside, new one in.
REPLACING = [
    ("site_locations/seed", 1),
    ("site_locations/seed", 2),
    pytest.param("retired.json", 1, marks=NIGHT),
    pytest.param("retired.json", 2, marks=NIGHT),
    pytest.param("site_locations/seed", 3, marks=NIGHT),
    pytest.param("site_locations/seed", 4, marks=NIGHT),
    pytest.param("site_locations/seed", 5, marks=NIGHT),
    pytest.param("site_locations/seed", 6, marks=NIGHT),
]


@pytest.mark.parametrize(("part", "number"), REPLACING)
def test_a_crash_while_one_product_replaces_another(
    part: str, number: int, replacing: Replacing, tmp_path: Path
) -> None:
    """No flag vouches for a mixture, nothing retired is lost, and a re-run completes."""
    root = runs.copy(replacing.before_s8, tmp_path / "root")
    old = {p.read_bytes() for p in _sites(root)}
    assert len(old) == 3
    run = runs.start(root, tmp_path / "home", ("S8",), die_at=(part, number), workers=1)
    assert run.end() == -9, run.text()

    _a_flag_vouches_only_for_the_whole(root, old)
    runs.finish(root, tmp_path / "home", replacing.whole, ("S8", "S9"))
    assert pass_flag(root).files
    kept = {p.read_bytes() for p in (root / "retired").rglob("*.parquet")}
    assert old <= kept | {p.read_bytes() for p in _sites(root)}


@pytest.mark.parametrize(
    ("part", "number"),
    [("validation/manifest_fingerprint", 1), pytest.param("retired.json", 1, marks=NIGHT)],
)
def test_a_crash_while_s9_publishes(
    part: str, number: int, replacing: Replacing, tmp_path: Path
) -> None:
    """Over a bundle that lost its flag: S9 dies before it goes, or before the next one comes."""
    root = runs.copy(replacing.done, tmp_path / "root")
    (flag,) = (root / "layer1/1B/validation").rglob("_passed.flag")
    flag.unlink()
    run = runs.start(root, tmp_path / "home", ("S9",), die_at=(part, number))
    assert run.end() == -9, run.text()
    with pytest.raises(Segment1BError, match="E_FLAG_BAD"):
        pass_flag(root)
    runs.finish(root, tmp_path / "home", replacing.whole, ("S9",))
    assert pass_flag(root).files


def test_two_runs_that_replace_the_same_product_at_once(
    replacing: Replacing, tmp_path: Path
) -> None:
    """Both find the old partitions; each is retired once, both are content."""
    root = runs.copy(replacing.before_s8, tmp_path / "root")
    both = [runs.start(root, tmp_path / f"home{n}", ("S8",)) for n in (1, 2)]
    for run in both:
        assert run.end() == 0, run.text()
    aside = sorted(p.relative_to(root / "retired") for p in (root / "retired").rglob("*.parquet"))
    assert len(aside) == 3, aside
    runs.finish(root, tmp_path / "home", replacing.whole, ("S9",))


def _sites(root: Path) -> list[Path]:
    return sorted((root / "layer1/1B/site_locations").rglob("*.parquet"))


def _a_flag_vouches_only_for_the_whole(root: Path, old: set[bytes]) -> None:
    """`pass_flag` refuses, or everything is as it was."""
    if {p.read_bytes() for p in _sites(root)} == old and list(
        (root / "layer1/1B/validation").rglob("_passed.flag")
    ):
        assert len(pass_flag(root).files) == len(old)
    else:
        with pytest.raises(Segment1BError, match="E_FLAG_BAD"):
            pass_flag(root)
