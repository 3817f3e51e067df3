"""Dagster's GraphQL as far as the browser tests need it: launch, wait, ask."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segment1b_assets_tests.browser.waiting import WAIT_SECONDS, until

ENDED = ("SUCCESS", "FAILURE", "CANCELED")

_LAUNCH = """mutation($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
_BACKFILL = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""
_CHECK = """query($asset: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: 50) {
    partition status runId
    evaluation { metadataEntries { label ... on TextMetadataEntry { text } } }
  }
}"""
_METADATA = """query($asset: AssetKeyInput!, $countries: [String!]) {
  assetOrError(assetKey: $asset) {
    ... on Asset {
      assetMaterializations(limit: 1, partitions: $countries) {
        metadataEntries {
          label
          ... on TextMetadataEntry { text }
          ... on IntMetadataEntry { intRepr }
          ... on MarkdownMetadataEntry { mdStr }
        }
      }
    }
  }
}"""


class GraphQL:
    """Questions to one webserver."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The `data` of an answer.

        Raises:
            RuntimeError: the answer holds errors.
        """
        body = json.dumps({"query": query, "variables": dict(variables or {})}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        if found.get("errors"):
            raise RuntimeError(f"GraphQL: {found['errors']}")
        data: dict[str, Any] = found["data"]
        return data

    def daemons_healthy(self) -> bool:
        """Whether every daemon that launches and watches runs has reported."""
        health = self.ask("{instance{daemonHealth{allDaemonStatuses{required healthy}}}}")
        statuses = health["instance"]["daemonHealth"]["allDaemonStatuses"]
        return all(s["healthy"] for s in statuses if s["required"])

    def launch(
        self, assets: Sequence[str], country: str | None, checks: Sequence[tuple[str, str]] = ()
    ) -> str:
        """Launch a run over assets, or over checks (asset, name) alone; returns its id."""
        selector: dict[str, Any] = {
            "repositoryLocationName": "segment1b",
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": [a]} for a in assets],
        }
        if checks:
            selector["assetCheckSelection"] = [
                {"assetKey": {"path": [a]}, "name": n} for a, n in checks
            ]
        tags = [] if country is None else [{"key": "dagster/partition", "value": country}]
        return self._launched(selector, {}, tags)

    def launch_job(self, job: str, config: Mapping[str, Any]) -> str:
        """Launch a job that is not of assets, as its launchpad does; returns the run's id."""
        selector = {
            "repositoryLocationName": "segment1b",
            "repositoryName": "__repository__",
            "pipelineName": job,
        }
        return self._launched(selector, config, [])

    def _launched(
        self, selector: Mapping[str, Any], config: Mapping[str, Any], tags: Sequence[Any]
    ) -> str:
        params = {
            "selector": selector,
            "mode": "default",
            "runConfigData": config,
            "executionMetadata": {"tags": tags},
        }
        answer = self.ask(_LAUNCH, {"params": params})["launchPipelineExecution"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise RuntimeError(f"not launched: {answer}")
        return str(answer["run"]["runId"])

    def runs(self) -> list[str]:
        """Ids of all runs, the newest first."""
        found = self.ask("{runsOrError{... on Runs{results{runId}}}}")["runsOrError"]["results"]
        return [str(r["runId"]) for r in found]

    def status(self, run: str) -> str:
        query = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
        return str(self.ask(query, {"run": run})["runOrError"]["status"])

    def wait_for_run(self, run: str) -> str:
        """The status in which a run ends."""
        return until(f"run {run} ends", lambda: self.status(run), lambda s: s in ENDED)

    def checks_of(self, asset: str) -> list[str]:
        """Names of an asset's checks that are by country."""
        query = """query($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
            ... on AssetNode { assetChecksOrError {
            ... on AssetChecks { checks { name } } } } } }"""
        node = self.ask(query, {"asset": {"path": [asset]}})["assetNodeOrError"]
        names = [c["name"] for c in node["assetChecksOrError"]["checks"]]
        return [n for n in names if n != "plausible"]

    def latest_check(self, asset: str, check: str, country: str) -> Judged:
        """How a check last judged a country."""
        asked = {"asset": {"path": [asset]}, "check": check}
        for found in self.ask(_CHECK, asked)["assetCheckExecutions"]:
            if found["partition"] == country:
                entries = (found["evaluation"] or {}).get("metadataEntries", [])
                texts = {e["label"]: e["text"] for e in entries if "text" in e}
                return Judged(found["status"], found["runId"], texts)
        return Judged("NOT_JUDGED", "", {})

    def countries_by_verdict(self, asset: str, check: str) -> dict[str, list[str]]:
        """ "succeeded" and "failed" -> the countries that the check's page shows so."""
        query = """query($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
            ... on AssetNode { assetChecksOrError {
            ... on AssetChecks { checks { name partitionStatuses {
            ... on AssetCheckDefaultPartitionStatuses { succeededPartitions failedPartitions }
            } } } } } } }"""
        node = self.ask(query, {"asset": {"path": [asset]}})["assetNodeOrError"]
        (found,) = [c for c in node["assetChecksOrError"]["checks"] if c["name"] == check]
        statuses = found["partitionStatuses"]
        return {
            "succeeded": sorted(statuses["succeededPartitions"]),
            "failed": sorted(statuses["failedPartitions"]),
        }

    def metadata(self, asset: str, country: str) -> dict[str, str]:
        """Texts and whole numbers of a country's latest materialisation, by label."""
        asked = {"asset": {"path": [asset]}, "countries": [country]}
        events = self.ask(_METADATA, asked)["assetOrError"]["assetMaterializations"]
        found = {}
        for entry in events[0]["metadataEntries"] if events else []:
            for field in ("text", "intRepr", "mdStr"):
                if field in entry:
                    found[entry["label"]] = str(entry[field])
        return found

    def materialised(self, asset: str) -> list[str]:
        """The countries that Dagster's partition status calls materialised."""
        query = """query($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) {
            ... on AssetNode { assetPartitionStatuses {
            ... on DefaultPartitionStatuses { materializedPartitions } } } } }"""
        node = self.ask(query, {"asset": {"path": [asset]}})["assetNodeOrError"]
        return sorted(node["assetPartitionStatuses"]["materializedPartitions"])

    def backfill(self, assets: Sequence[str], countries: Sequence[str], title: str) -> str:
        """Launch a backfill; returns its id."""
        params = {
            "assetSelection": [{"path": [a]} for a in assets],
            "partitionNames": list(countries),
            "title": title,
            "tags": [],
        }
        answer = self.ask(_BACKFILL, {"params": params})["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            raise RuntimeError(f"not launched: {answer}")
        return str(answer["backfillId"])

    def backfills(self) -> list[str]:
        """Ids of all backfills, the newest first."""
        found = self.ask("{partitionBackfillsOrError{... on PartitionBackfills{results{id}}}}")[
            "partitionBackfillsOrError"
        ]["results"]
        return [str(b["id"]) for b in found]

    def runs_of_backfill(self, backfill: str) -> list[dict[str, Any]]:
        """Id, status, start and end (seconds) of a backfill's runs."""
        query = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
            ... on PartitionBackfill { runs { id status startTime endTime } } } }"""
        found: list[dict[str, Any]] = self.ask(query, {"id": backfill})["partitionBackfillOrError"][
            "runs"
        ]
        return found

    def processes(self, run: str) -> set[int]:
        """Ids of the processes that worked on a run, as its log tells them."""
        query = """query($run: ID!, $after: String) { runOrError(runId: $run) { ... on Run {
            eventConnection(afterCursor: $after) { cursor hasMore
            events { ... on MessageEvent { message } } } } } }"""
        found, after, more = set(), None, True
        while more:
            asked = {"run": run, "after": after}
            page = self.ask(query, asked)["runOrError"]["eventConnection"]
            told = (re.search(r"\(pid: (\d+)\)", e.get("message") or "") for e in page["events"])
            found |= {int(t.group(1)) for t in told if t}
            after, more = page["cursor"], page["hasMore"]
        return found

    def wait_for_backfill(self, backfill: str, patience: float = WAIT_SECONDS) -> str:
        """The status in which a backfill ends."""
        query = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
            ... on PartitionBackfill { status } } }"""

        def status() -> str:
            return str(self.ask(query, {"id": backfill})["partitionBackfillOrError"]["status"])

        return until(
            f"backfill {backfill} ends",
            status,
            lambda s: s.startswith(("COMPLETED", "FAIL")),
            patience,
        )


@dataclass(frozen=True)
class Judged:
    """A check's verdict on a country: status, run, and its texts by label."""

    status: str
    run: str
    texts: Mapping[str, str]
