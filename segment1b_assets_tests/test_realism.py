"""The scorecard of small worlds, through the command and through Dagster."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from click.testing import CliRunner

from segment1b_assets.assets.site_realism import site_realism
from segment1b_assets.checks.realism_check import sites_believable
from segment1b_assets.cli import group
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.realism import realism_rules
from segment1b_assets.realism.measure import measure_root
from segment1b_assets.realism.scorecard import scorecard
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.gate import as_json
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets_tests.realism_world import (
    SHOPS,
    PlacedWorld,
    arc_law,
    merchant_ids,
    placed_world,
    plain_law,
)

#: What the plain law breaks wherever one-site merchants and chains are many.
BROKEN_BY_PLAIN = {
    "population_rank", "one_site_top_tile", "one_site_position", "identical_tile_sets",
    "tiles_used", "crowding", "pairs_within_5_km", "pairs_within_25_km", "reach_2", "reach_3-4",
    "reach_5-9", "countries_believable",
}  # fmt: skip


def printed(arguments: Sequence[str | Path]) -> str:
    ended = CliRunner().invoke(group, ["realism", *map(str, arguments)], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return ended.output


def pages(root: Path) -> list[Path]:
    return sorted((root / "reports").rglob("site_realism.html"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlacedWorld:
    return placed_world(tmp_path_factory.mktemp("plain"), plain_law)


@pytest.fixture(scope="module")
def arc(tmp_path_factory: pytest.TempPathFactory) -> PlacedWorld:
    return placed_world(tmp_path_factory.mktemp("arc"), arc_law)


def test_sites_by_population_are_believable_and_the_plain_law_is_not(
    plain: PlacedWorld, arc: PlacedWorld
) -> None:
    table = printed(["--root", plain.root, "--beside", arc.root])
    document = json.loads(printed(["--root", arc.root, "--json"]))

    bad = {m["id"] for m in document["metrics"] if m["verdict"] == "not believable"}
    assert bad == set()
    assert document["believable"]
    assert all(m["verdict"] == "believable" for m in document["metrics"])

    (path,) = sorted((plain.root / "reports").rglob("scorecard.json"))
    refused = json.loads(path.read_bytes())
    verdicts = [m["verdict"] for m in refused["metrics"]]
    assert not refused["believable"]
    assert {
        m["id"] for m in refused["metrics"] if m["verdict"] == "not believable"
    } >= BROKEN_BY_PLAIN
    assert verdicts == sorted(verdicts, key=["not believable", "believable", "not judged"].index)
    assert {c["verdict"] for c in refused["by_country"].values()} == {"not believable"}
    assert str(path) in table
    assert "2 countries not believable by themselves: FR, IT" in table

    # Every one-site merchant of the plain law lies in its country's heaviest tile.
    alone = SHOPS.count(1)
    for country, weights in plain.weights.items():
        row = refused["by_country"][country]
        assert row["one_site_merchants"] == row["one_site_in_heaviest_tile"] == alone
        assert row["share_of_heaviest_tile"] == pytest.approx(weights.max() / 1e12, rel=1e-5)
        assert row["sites"] == sum(SHOPS)
        assert row["chains_with_identical_tiles"] > 0.9 * row["chains"]


class _Links(HTMLParser):
    """Everything that a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.data = ""
        self._in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [v for k in ("src", "href", "srcset", "action") if (v := given.get(k))]
        self._in_data = given.get("id") == "data"
        assert tag not in ("link", "iframe", "object", "embed")

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False


def test_the_page_needs_no_network_and_holds_every_site(
    plain: PlacedWorld, arc: PlacedWorld
) -> None:
    printed(["--root", arc.root, "--beside", plain.root])
    (path,) = pages(arc.root)
    text = path.read_text("utf-8")
    links = _Links()
    links.feed(text)

    assert len(text.encode("utf-8")) < 3_000_000
    # Each root's outcome stands under its own name; the countries are those of the first.
    lead = text.split('<p class="lead">')[1].split("</p>")[0].split("<br>")
    said = r"(.+): all \d+ measures are within what is believable\."
    first = re.fullmatch(said, lead[0])
    second = re.match(r"(.+): \d+ of \d+ measures are beyond what is believable: ", lead[1])
    assert first is not None
    assert second is not None
    assert first[1] != second[1]
    assert f"<h2>Countries, {first[1]}</h2>" in text
    assert links.found
    assert all(link.startswith("data:image/png;base64,") for link in links.found)
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|fetch\(|XMLHttp|WebSocket", text)
    assert len(links.found) == 12
    assert all(len(base64.b64decode(link.split(",")[1])) < 100_000 for link in links.found)

    data = json.loads(links.data)
    assert len(data["maps"]) == 2
    for shown in data["maps"]:
        merchant = np.frombuffer(base64.b64decode(shown["merchant"]), "<u8")
        lon = np.frombuffer(base64.b64decode(shown["lon"]), "<i4") / 1e5
        assert merchant.size == lon.size == 2 * sum(SHOPS)
        expected = [np.repeat(merchant_ids(c, len(SHOPS)), SHOPS) for c in ("FR", "IT")]
        assert np.array_equal(merchant, np.concatenate(expected))
        assert 0.0 <= lon.min() < 10.0 < 12.0 <= lon.max() < 22.0
    assert set(data["outlines"]) == {"FR", "IT"}


def test_the_scorecard_does_not_depend_on_batches(arc: PlacedWorld) -> None:
    rules = realism_rules()
    whole = as_json(scorecard(measure_root(RunInputs(RunOptions(arc.root)), rules)))
    pieces = measure_root(RunInputs(RunOptions(arc.root, batch_rows=37)), rules)
    assert as_json(scorecard(pieces)) == whole


def test_a_sample_stands_for_a_country_of_many_sites(arc: PlacedWorld) -> None:
    rules = realism_rules().model_copy(update={"kept_sites": 400, "draws": 19})
    found = measure_root(RunInputs(RunOptions(arc.root)), rules)
    document = scorecard(found)
    assert document["countries"]["sampled"] == {"FR": 400, "IT": 400}
    assert document["sites"] == 2 * sum(SHOPS)
    merchants = document["by_country"]["FR"]["merchants"]
    assert merchants == len(SHOPS)
    good = {m["id"] for m in document["metrics"] if m["verdict"] == "believable"}
    assert {"tiles_used", "nearest_p50", "pairs_within_25_km"} <= good


def test_countries_of_few_sites_are_named_and_not_judged(tmp_path: Path) -> None:
    world = placed_world(tmp_path, plain_law, shops=[1] * 12 + [2] * 3)
    document = json.loads(printed(["--root", world.root, "--json"]))
    assert document["countries"]["judged"] == []
    assert document["countries"]["few_sites_or_tiles"] == {
        "FR": "few sites: 18 of 30", "IT": "few sites: 18 of 30",
    }  # fmt: skip
    by_id = {m["id"]: m for m in document["metrics"]}
    assert by_id["countries_believable"]["verdict"] == "not judged"
    assert by_id["pairs_within_5_km"]["verdict"] == "not judged"
    # Pooled over both countries the merchants are enough to be judged by.
    assert by_id["one_site_top_tile"]["verdict"] == "not believable"
    assert by_id["reach_10-19"]["verdict"] == "not judged"
    assert "2 countries with few sites or tiles are not judged" in pages(tmp_path)[0].read_text()


def test_a_part_of_the_world_and_what_is_missing(tmp_path: Path) -> None:
    world = placed_world(tmp_path, arc_law, shops=[1] * 40 + [2] * 8)
    inputs = RunInputs(RunOptions(world.root))
    gone = inputs.path("site_locations", "IT")
    (gone / "part-00000.parquet").unlink()

    table = printed(["--root", world.root])
    assert "IT could not be measured: site_locations is not published for this country" in table
    part = json.loads(printed(["--root", world.root, "--countries", "FR", "--json"]))
    assert part["countries"]["asked"] == ["FR"]
    assert part["countries"]["missing"] == {}
    assert [p.parent.name for p in pages(world.root)] == ["countries=FR", "countries=all"]

    with pytest.raises(Segment1BError, match="E_INPUT_MISSING") as refused:
        printed(["--root", world.root, "--countries", "IT"])
    assert refused.value.country == "IT"
    assert "segment1b run --states s0..s8" in refused.value.next_step


def test_dagster_makes_the_scorecard_and_only_warns(plain: PlacedWorld) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        made = dg.materialize(
            [site_realism, sites_believable], instance=instance,
            resources={"segment1b": Segment1B(root=str(plain.root))},
        )  # fmt: skip
    assert made.success
    metadata = made.asset_materializations_for_node("site_realism")[0].metadata
    assert metadata["believable"].value is False
    assert metadata["sites"].value == 2 * sum(SHOPS)
    for name in ("world", "rank", "pairs", "lorenz", "reach", "chains"):
        assert re.match(r"!\[.+\]\(data:image/png;base64,", str(metadata[name].value))
    (judged,) = made.get_asset_check_evaluations()
    assert judged.check_name == "believable"
    assert not judged.passed
    assert judged.severity is dg.AssetCheckSeverity.WARN
    assert "One-site merchants in the heaviest tile" in judged.metadata


def test_the_check_warns_where_nothing_was_measured(tmp_path: Path) -> None:
    placed_world(tmp_path, arc_law, shops=[1, 2])
    judged = sites_believable(Segment1B(root=str(tmp_path)))
    assert isinstance(judged, dg.AssetCheckResult)
    assert not judged.passed
    assert judged.severity is dg.AssetCheckSeverity.WARN
    assert "materialise site_realism" in str(judged.metadata["reason"].value)
