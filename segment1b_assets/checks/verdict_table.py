"""A verdict as people read it: a table with a row a rule, the broken ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from segment1b_assets.storage.run_ledger import Row
from segment1b_assets.validation.verdict import Verdict

_COLUMNS = ("rule", "verdict", "asks", "found", "where", "value", "next step")
_SCHEMA = dg.TableSchema(columns=[dg.TableColumn(name) for name in _COLUMNS])


def verdict_metadata(
    rows: Sequence[Row], dataset: str, country: str
) -> dict[str, dg.MetadataValue[Any]]:
    """The metadata of an evaluation: how many rules are broken, and the table."""
    verdicts = sorted(
        (Verdict.from_row(row) for row in rows), key=lambda v: (v.passed, not v.judged)
    )
    broken = [v for v in verdicts if v.result == "broken"]
    table = dg.MetadataValue.table(
        [dg.TableRecord(_record(v, dataset, country)) for v in verdicts], schema=_SCHEMA
    )
    # As text: the web UI would plot a number over the countries.
    summary = f"{len(broken)} of {len(verdicts)} broken" if broken else f"{len(verdicts)} held"
    found: dict[str, dg.MetadataValue[Any]] = {"rules": dg.MetadataValue.text(summary)}
    if broken:
        found["next_step"] = dg.MetadataValue.text(broken[0].next_step(dataset, country))
    return found | {"verdict": table}


def _record(verdict: Verdict, dataset: str, country: str) -> dict[str, str | int | float | bool]:
    broken = verdict.result == "broken"
    return {
        "rule": verdict.code,
        "verdict": verdict.result,
        "asks": verdict.asks,
        "found": verdict.detail,
        "where": verdict.where,
        "value": "" if verdict.value is None else str(verdict.value),
        "next step": verdict.next_step(dataset, country) if broken else "",
    }
