"""The error codes of contract §6: the state each belongs to, its meaning, the next step.

``docs/runbook.md`` has a section for every code (``segment1b_assets_tests/test_docs.py`` tests it).
Failures show the texts of this table.
"""

from __future__ import annotations

from typing import NamedTuple


class ErrorCode(NamedTuple):
    """One row of the table: owning state ("S1", or "*" for everywhere), meaning, next step."""

    state: str
    meaning: str
    next_step: str


_RETIRE = (
    "retire the partition (`segment1b retire --dataset ID --country ISO --why TEXT`) and "
    "materialise it again"
)
_ENVELOPE = (
    "where memory is named, materialise the country in a process of its own, since memory that "
    "other countries left counts with its own, with the default batch rows or fewer; where bytes "
    "of an input are named, store that input compressed, in blocks of 512 x 512; where neither "
    "helps, report the run report's figures as a defect"
)

ERROR_CODES: dict[str, ErrorCode] = {
    "E_FLAG_BAD": ErrorCode(
        "S0",
        "the 1A PASS flag is missing, malformed or does not match",
        "ask the owner of 1A for a bundle whose flag matches its files",
    ),
    "E_INDEX_BAD": ErrorCode(
        "S0",
        "the 1A bundle's index.json is missing or breaks its rules",
        "correct index.json: every non-flag file once, relative paths, unique ids",
    ),
    "E_PARTITION_MISPLACED": ErrorCode(
        "S0",
        "a partition's path and its content have different tokens",
        "move the partition to the path of its tokens",
    ),
    "E001_GEO_INVALID": ErrorCode(
        "S1",
        "the country's polygon is not a valid geometry",
        "import the polygons (`segment1b import polygons FILE --root ROOT --replace` mends rings), "
        'or repair this one (shapely.make_valid(g, method="structure", keep_collapsed=False) '
        "gives only polygons; check a map before you re-run)",
    ),
    "E002_RASTER_MISMATCH": ErrorCode(
        "S1",
        "the raster is not one band, north-up, unrotated, unscaled",
        "import it (`segment1b import raster FILE --root ROOT --replace`), or write it as "
        "docs/guide/root-by-hand.md describes, and re-run; if you resample it yourself, sum the "
        "people (gdalwarp -r sum)",
    ),
    "E003_DUP_TILE": ErrorCode("S1", "tile ids repeat or are out of order", _RETIRE),
    "E004_BOUNDS": ErrorCode("S1", "a tile's centroid or bounds disagree with the grid", _RETIRE),
    "E005_ISO_FK": ErrorCode(
        "S1",
        "a country code is not on the ISO list",
        "use the two upper-case letters of the ISO 3166-1 list",
    ),
    "E006_AREA_NONPOS": ErrorCode(
        "S1", "a tile's area is not positive or differs from the cell's", _RETIRE
    ),
    "E007_CRS_MISMATCH": ErrorCode(
        "S1",
        "the CRS is not WGS84 longitude and latitude",
        "import the file (`segment1b import polygons` and `import raster` reproject), or reproject "
        "it to EPSG:4326 / OGC:CRS84, and re-run",
    ),
    "E008_INCLUSION_RULE": ErrorCode("S1", "the tiles differ from the inclusion rule's", _RETIRE),
    "E009_PERF_BUDGET": ErrorCode(
        "S1",
        "the run exceeded its operating envelope",
        _ENVELOPE,
    ),
    "E101_TILE_INDEX_MISSING": ErrorCode(
        "S2",
        "the country has no tile_index partition",
        "materialise tile_index for this country first",
    ),
    "E102_FK_MISMATCH": ErrorCode(
        "S2", "tile_weights and tile_index hold different tiles", _RETIRE
    ),
    "E103_ZERO_COUNTRY": ErrorCode(
        "S2",
        "weights are needed for a country that has no tiles",
        "give the country a polygon that covers a cell of the raster",
    ),
    "E104_ZERO_MASS": ErrorCode("S2", "the zero-mass fallback was used wrongly", _RETIRE),
    "E105_NORMALIZATION": ErrorCode(
        "S2",
        "a mass is negative or infinite, or weights do not sum to K",
        "correct the raster's values (or the nodata value) and re-run; where a published file was "
        "changed, `segment1b retire` it and materialise the country again",
    ),
    "E106_MONOTONICITY": ErrorCode("S2", "a heavier tile has a smaller weight", _RETIRE),
    "E107_DETERMINISM": ErrorCode("S2", "the bytes differ from the run report's receipt", _RETIRE),
    "E108_WRITER_HYGIENE": ErrorCode(
        "S2", "the schema, order or lineage of the file is wrong", _RETIRE
    ),
    "E109_PERF_BUDGET": ErrorCode(
        "S2",
        "the run exceeded its operating envelope",
        _ENVELOPE,
    ),
    "E301_NO_PASS_FLAG": ErrorCode(
        "S3",
        "there is no valid S0 receipt for this fingerprint",
        "materialise s0_gate_receipt_1B and correct what it reports",
    ),
    "E302_FK_COUNTRY": ErrorCode(
        "S3",
        "the outlet catalogue names a country not on the ISO list",
        "correct legal_country_iso in the outlet catalogue and re-run",
    ),
    "E303_MISSING_WEIGHTS": ErrorCode(
        "S3",
        "a country with outlets has no tiles or weights",
        "materialise tile_index and tile_weights for this country, "
        "or give it a polygon that covers a cell",
    ),
    "E305_SCHEMA_INVALID": ErrorCode(
        "S3",
        "the outlet catalogue's columns or types are wrong",
        "correct the catalogue's schema and re-run",
    ),
    "E306_TOKEN_MISMATCH": ErrorCode(
        "S3",
        "the rows' manifest_fingerprint differs from their path's",
        "move the catalogue to its own path or correct the column",
    ),
    "E307_PK_DUPLICATE": ErrorCode(
        "S3",
        "a (merchant_id, legal_country_iso, site_order) repeats",
        "remove the duplicate rows from the outlet catalogue",
    ),
    "E308_COUNTS_MISMATCH": ErrorCode("S3", "n_sites is not the catalogue's row count", _RETIRE),
    "E310_UNSORTED": ErrorCode(
        "S3",
        "rows are not in (merchant, country, site_order) order",
        "sort the file by its key and re-run",
    ),
    "E314_SITE_ORDER_INTEGRITY": ErrorCode(
        "S3", "site_order is not exactly 1..n", "correct site_order in the outlet catalogue"
    ),
    "E401_NO_S3_REQUIREMENTS": ErrorCode(
        "S4",
        "the country has no s3_requirements partition",
        "materialise s3_requirements for this country first",
    ),
    "E402_MISSING_TILE_WEIGHTS": ErrorCode(
        "S4",
        "the country has no tile_weights partition",
        "materialise tile_weights for this country first",
    ),
    "E403_ZERO_TILE_UNIVERSE": ErrorCode(
        "S4",
        "sites are required in a country without tiles",
        "give the country a polygon that covers a cell",
    ),
    "E404_ALLOCATION_MISMATCH": ErrorCode("S4", "allocated sites do not sum to n_sites", _RETIRE),
    "E405_SCHEMA_INVALID": ErrorCode("S4", "the schema or lineage of the plan is wrong", _RETIRE),
    "E407_PK_DUPLICATE": ErrorCode("S4", "a (merchant, tile) repeats in the plan", _RETIRE),
    "E408_UNSORTED": ErrorCode("S4", "the plan is not sorted by its key", _RETIRE),
    "E411_TIE_RULE_VIOLATION": ErrorCode(
        "S4", "the plan differs from the one that its law gives", _RETIRE
    ),
    "E412_ZERO_ROW_EMITTED": ErrorCode("S4", "the plan holds a tile with no site", _RETIRE),
    "E413_TILE_NOT_IN_INDEX": ErrorCode("S4", "the plan has a tile outside the country", _RETIRE),
    "E414_WEIGHT_TAMPER": ErrorCode(
        "S4", "the weights do not sum to 10^dp or differ from S2's", _RETIRE
    ),
    "E415_RNG_EVENT_MISMATCH": ErrorCode(
        "S4", "pairs and site_tile_plan events do not agree", _RETIRE
    ),
    "E416_NUMERIC_OVERFLOW": ErrorCode(
        "S4",
        "weight x sites leaves the exact integer range",
        "correct the outlet catalogue: a merchant has fewer than 2^31 sites in a country",
    ),
    "E502_PK_DUPLICATE_SITE": ErrorCode("S5", "a (merchant, site_order) repeats", _RETIRE),
    "E503_TILE_QUOTA_MISMATCH": ErrorCode(
        "S5", "a tile's number of sites differs from the plan", _RETIRE
    ),
    "E504_SUM_TO_N_MISMATCH": ErrorCode(
        "S5", "a pair's number of sites differs from the requirement", _RETIRE
    ),
    "E505_TILE_NOT_IN_INDEX": ErrorCode("S5", "a site lies in a tile outside the country", _RETIRE),
    "E506_SCHEMA_INVALID": ErrorCode(
        "S5", "the schema or lineage of the assignment is wrong", _RETIRE
    ),
    "E507_RNG_EVENT_MISMATCH": ErrorCode(
        "S5", "sites and site_tile_assign events do not agree", _RETIRE
    ),
    "E509_UNSORTED": ErrorCode("S5", "the assignment is not sorted by its key", _RETIRE),
    "E601_ROW_MISSING": ErrorCode("S6", "a site of S5 has no jitter row", _RETIRE),
    "E602_ROW_EXTRA": ErrorCode("S6", "a jitter row has no site in S5", _RETIRE),
    "E603_DUP_KEY": ErrorCode("S6", "a (merchant, site_order) repeats", _RETIRE),
    "E605_SORT_VIOLATION": ErrorCode("S6", "the jitter is not sorted by its key", _RETIRE),
    "E606_FK_TILE_INDEX": ErrorCode("S6", "a site lies in a tile outside the country", _RETIRE),
    "E607_POINT_OUTSIDE_PIXEL": ErrorCode("S6", "a point lies outside its cell", _RETIRE),
    "E608_POINT_OUTSIDE_COUNTRY": ErrorCode("S6", "a point lies outside its country", _RETIRE),
    "E609_RNG_EVENT_COUNT": ErrorCode(
        "S6", "a site has no in_cell_jitter event, or an event has no site", _RETIRE
    ),
    "E610_RNG_BUDGET_OR_COUNTERS": ErrorCode(
        "S6", "an event's counters or budget are wrong", _RETIRE
    ),
    "E613_RESAMPLE_EXHAUSTED": ErrorCode(
        "S6",
        "no attempt of a site was inside the country",
        "set mode: uniform_v2 or raise max_attempts in policy.s6.jitter.yaml, or use the center "
        "inclusion rule",
    ),
    "A701": ErrorCode("S7", "S7 and S5 hold different sites", _RETIRE),
    "A702": ErrorCode("S7", "the schema of s7_site_synthesis is wrong", _RETIRE),
    "A703": ErrorCode("S7", "lineage tokens differ from the path's", _RETIRE),
    "A704": ErrorCode("S7", "s7_site_synthesis is not sorted by its key", _RETIRE),
    "A705": ErrorCode("S7", "a coordinate is not centroid + delta", _RETIRE),
    "A706": ErrorCode("S7", "S7 does not cover the outlet catalogue", _RETIRE),
    "A707": ErrorCode("S7", "a site's tile is not in tile_bounds", _RETIRE),
    "A801": ErrorCode("S8", "S8 and S7 hold different sites", _RETIRE),
    "A802": ErrorCode("S8", "the schema of site_locations is wrong", _RETIRE),
    "A803": ErrorCode("S8", "lineage tokens differ from the path's", _RETIRE),
    "A804": ErrorCode("S8", "site_locations is not sorted by its key", _RETIRE),
    "A805": ErrorCode("S8", "a coordinate differs from S7's", _RETIRE),
    "A806": ErrorCode("S8", "S8 does not cover the outlet catalogue", _RETIRE),
    "A807": ErrorCode("S8", "a site lies in no cell of its S7 tile", _RETIRE),
    "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL": ErrorCode(
        "*", "other bytes are already published at this path", _RETIRE
    ),
    "E_POLICY_INVALID": ErrorCode(
        "*",
        "a policy file is missing, malformed or out of domain",
        "correct the policy file; docs/policies.md lists keys and ranges",
    ),
    "E_INPUT_MISSING": ErrorCode(
        "*",
        "an input of the state is missing",
        "put the file at this path, or materialise its state",
    ),
    "E_IO": ErrorCode(
        "*",
        "the machine failed to read or write, three times",
        "check the disk (space, permissions, mount) and re-run the country",
    ),
    "E_NO_FLAG": ErrorCode(
        "S9",
        "a finding prevents the PASS flag",
        "correct what is named, materialise those countries, then S9 again",
    ),
    "E_UNEXPECTED": ErrorCode(
        "*",
        "the program itself failed on this country",
        "report it with the failure event; other countries are not affected",
    ),
    "E_INPUT_SCHEMA": ErrorCode(
        "*",
        "an input cannot be read, or its columns are wrong",
        "replace the file with one of the contract's form",
    ),
}
