"""What S9 found of all countries, for its own page and for that of `site_locations`."""

from __future__ import annotations

import base64
from typing import Any

import dagster as dg

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count
from segment1b_assets.validation.rng_evidence import JITTER
from segment1b_assets.validation.world_findings import CountryFindings, WorldFindings

_COLUMNS = ("country", "tiles", "sites", "attempts", "verdict")


def world_metadata(inputs: RunInputs, findings: WorldFindings) -> dict[str, dg.MetadataValue[Any]]:
    """Flag, sums, the world map, a table with a row a country with outlets, faulty ones first."""
    ordered = sorted(findings.countries, key=lambda c: (c.parity_ok, c.country))
    against = len(findings.faults)
    return {
        "flag": dg.MetadataValue.text(
            "given" if findings.passed else f"not given, {against} findings against it"
        ),
        "countries": dg.MetadataValue.int(len(ordered)),
        "sites": dg.MetadataValue.int(sum(c.rows_s8 for c in ordered)),
        "world": _world(inputs),
        "by_country": dg.MetadataValue.table(
            [_record(inputs, country) for country in ordered],
            schema=dg.TableSchema([dg.TableColumn(name) for name in _COLUMNS]),
        ),
    }


def observe_sites(
    context: dg.AssetExecutionContext, shown: dict[str, dg.MetadataValue[Any]]
) -> None:
    """Put the summary on the page of `site_locations`, which otherwise shows one country."""
    context.log_event(dg.AssetObservation("site_locations", metadata=shown))


def _record(inputs: RunInputs, found: CountryFindings) -> dg.TableRecord:
    try:
        tiles: int | str = row_count(inputs, "tile_index", found.country)
    except Segment1BError as err:
        tiles = err.code
    jitter = found.evidence.get(JITTER.label)
    cells = (
        found.country,
        tiles,
        found.rows_s8,
        jitter.events_total if jitter else "not judged",
        "held" if found.parity_ok else "; ".join(found.faults[:3]) or "S7 and S8 differ in rows",
    )
    return dg.TableRecord(dict(zip(_COLUMNS, cells, strict=True)))


def _world(inputs: RunInputs) -> dg.MarkdownMetadataValue:
    """The world map of sites; a picture that cannot be drawn does not fail what is published."""
    from segment1b_assets.maps.world import world_map  # matplotlib takes a second

    try:
        picture = base64.b64encode(world_map(inputs)).decode("ascii")
    except (Segment1BError, ValueError, OSError, MemoryError) as err:
        return dg.MetadataValue.md(f"No map: {err}")
    return dg.MetadataValue.md(f"![sites of the world](data:image/png;base64,{picture})")
