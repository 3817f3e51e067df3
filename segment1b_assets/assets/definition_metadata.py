"""The metadata of an asset's definition: the dictionary's entry and the table's schema."""

from __future__ import annotations

from typing import Any

import dagster as dg

from segment1b_assets.contracts.dictionary import dictionary
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.maps.published import MAPPED


def definition_metadata(dataset: str) -> dict[str, Any]:
    """Columns with their meaning, path template, order, licence, retention, how to draw a map."""
    entry, table = dictionary()[dataset], TABLES[dataset]
    draw = (
        "the job draw_maps puts a country's map on its partition's page; on the command line: "
        f"segment1b map --country FR --dataset {dataset} --out {dataset}-FR.png"
    )
    return {
        "dagster/column_schema": dg.TableSchema(
            columns=[
                dg.TableColumn(
                    c.name,
                    "dictionary<string>" if c.kind == "iso" else str(c.arrow_type),
                    c.meaning,
                    constraints=dg.TableColumnConstraints(nullable=False),
                )
                for c in table.columns
            ]
        ),
        "path": entry.path,
        "sorted_by": ", ".join(table.key),
        "licence": entry.licence,
        "retention_days": entry.retention_days,
        **({"map": draw} if dataset in MAPPED else {}),
    }
