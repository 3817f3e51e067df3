"""A verdict as people read it: a table with a row a rule, the broken ones first.

Where every rule holds the table is Markdown. A world run has some 4,500 verdicts, each stored three
times, and Dagster's tables take four times the bytes of what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from segment1b_assets.storage.run_ledger import Row
from segment1b_assets.validation.verdict import Verdict

_COLUMNS = ("rule", "verdict", "asks", "found", "where", "value", "next step")


def verdict_metadata(
    rows: Sequence[Row], dataset: str, country: str
) -> dict[str, dg.MetadataValue[Any]]:
    """The metadata of an evaluation: how many rules are broken, and what each rule asks."""
    verdicts = sorted(
        (Verdict.from_row(row) for row in rows), key=lambda v: (v.passed, not v.judged)
    )
    if all(v.passed for v in verdicts):
        held = "\n".join(f"| `{v.code}` | held | {v.asks} |" for v in verdicts)
        return {
            "rules": dg.MetadataValue.text(f"{len(verdicts)} held"),
            "verdict": dg.MetadataValue.md(f"| rule | verdict | asks |\n|---|---|---|\n{held}"),
        }
    broken = [v for v in verdicts if v.result == "broken"]
    # As text: the web UI would plot a number over the countries.
    found: dict[str, dg.MetadataValue[Any]] = {
        "rules": dg.MetadataValue.text(f"{len(broken)} of {len(verdicts)} broken")
    }
    if broken:
        found["next_step"] = dg.MetadataValue.text(broken[0].next_step(dataset, country))
    return found | {
        "verdict": dg.MetadataValue.table(
            [_record(v, dataset, country) for v in verdicts],
            schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in _COLUMNS]),
        )
    }


def _record(verdict: Verdict, dataset: str, country: str) -> dg.TableRecord:
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
    return dg.TableRecord(dict(zip(_COLUMNS, cells, strict=True)))
