"""A verdict as people read it: a table with a row a rule, the broken ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from segment1b_assets.storage.run_ledger import Row
from segment1b_assets.validation.verdict import Verdict

#: Where every rule holds the other columns are empty, and a world run has some 4,500 tables.
_HELD = ("rule", "verdict", "asks")
_COLUMNS = (*_HELD, "found", "where", "value", "next step")


def verdict_metadata(
    rows: Sequence[Row], dataset: str, country: str
) -> dict[str, dg.MetadataValue[Any]]:
    """The metadata of an evaluation: how many rules are broken, and the table."""
    verdicts = sorted(
        (Verdict.from_row(row) for row in rows), key=lambda v: (v.passed, not v.judged)
    )
    broken = [v for v in verdicts if v.result == "broken"]
    columns = _HELD if all(v.passed for v in verdicts) else _COLUMNS
    table = dg.MetadataValue.table(
        [_record(v, dataset, country, columns) for v in verdicts],
        schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in columns]),
    )
    # As text: the web UI would plot a number over the countries.
    summary = f"{len(broken)} of {len(verdicts)} broken" if broken else f"{len(verdicts)} held"
    found: dict[str, dg.MetadataValue[Any]] = {"rules": dg.MetadataValue.text(summary)}
    if broken:
        found["next_step"] = dg.MetadataValue.text(broken[0].next_step(dataset, country))
    return found | {"verdict": table}


def _record(verdict: Verdict, dataset: str, country: str, columns: Sequence[str]) -> dg.TableRecord:
    broken = verdict.result == "broken"
    cells = (
        verdict.code,
        verdict.result,
        verdict.asks,
        verdict.detail,
        verdict.where,
        "" if verdict.value is None else str(verdict.value),
        verdict.next_step(dataset, country) if broken else "",
    )
    return dg.TableRecord(dict(zip(columns, cells, strict=False)))
