"""An outlet catalogue and its 1A bundle from a table of merchants (contract §3, §4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.intervals import bounded_groups
from segment1b_assets.imports.country_codes import CountryCodes, read_country_codes
from segment1b_assets.imports.outlet_columns import (
    COUNTRY_NAMES,
    MERCHANT_NAMES,
    MOST_SITES,
    ReadAs,
    country_codes,
    merchant_ids,
    usual_column,
    whole_numbers,
)
from segment1b_assets.imports.outlet_sort import SortedRows
from segment1b_assets.imports.outlet_source import open_table
from segment1b_assets.imports.place_input import Placed, place_input
from segment1b_assets.imports.starting_root import ISO_LIST
from segment1b_assets.storage.bundle import write_bundle
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.digests import sha256_of
from segment1b_assets.storage.retire import retire

#: Raised whenever the same source gives other bytes.
RECIPE: Final = "segment1b import outlets 1"
CATALOGUE: Final = "outlet_catalogue"
BUNDLE: Final = "validation_bundle_1A"
_SITES_AT_ONCE: Final = 1 << 20
_SCHEMA: Final = pa.schema(
    [
        ("merchant_id", pa.uint64()),
        ("legal_country_iso", pa.string()),
        ("site_order", pa.int32()),
        ("site_id", pa.string()),
        ("manifest_fingerprint", pa.string()),
    ]
)


@dataclass(frozen=True)
class OutletColumns:
    """The columns to read; None is found by its usual name, or not used.

    Attributes:
        merchant, country: of the id and of the country's code.
        sites: of the number of sites of a merchant in a country; a row is a pair then.
        order: of a site's number, 1 to n; without either the order of the file numbers the sites.
    """

    merchant: str | None = None
    country: str | None = None
    sites: str | None = None
    order: str | None = None


@dataclass(frozen=True)
class OutletImport:
    """What an import of outlets came to.

    Attributes:
        placed: what became of the catalogue in the root.
        folder: its folder.
        seed, manifest_fingerprint: its name.
        read: what was made of the columns.
        merchants, pairs, sites: their numbers.
    """

    placed: Placed
    folder: Path
    seed: int
    manifest_fingerprint: str
    read: ReadAs
    merchants: int
    pairs: int
    sites: int


def import_outlets(
    root: DataRoot,
    sources: Sequence[Path],
    columns: OutletColumns,
    *,
    seed: int = 1,
    replace: bool = False,
) -> OutletImport:
    """Read, sort and place an outlet catalogue; the same sources and seed give the same bytes.

    Args:
        root: the data root; its ISO list must be there.
        sources: tables, one after another.
        columns: which columns to read.
        seed: the master seed of the draws.
        replace: retire catalogues and 1A bundles that are there.

    Raises:
        Segment1BError: as `open_table`, `merchant_ids`, `whole_numbers` and `place_input`;
            E302_FK_COUNTRY for codes that are not on the list; E307_PK_DUPLICATE and
            E314_SITE_ORDER_INTEGRITY for a given order that is not 1 to n.
    """
    codes = read_country_codes(root.ensure_local(root.path_for(ISO_LIST)))
    seen = ReadAs()
    digests = [sha256_of(path).hex() for path in sources if path.is_file()]
    with root.staging_area() as work:
        rows = SortedRows(work)
        chosen = columns
        for path in sources:
            chosen = _read(path, columns, codes, rows, seen)
        if seen.unlisted:
            raise _unlisted(seen, sources[0])
        if not seen.rows:
            raise Segment1BError(
                "E_INPUT_SCHEMA", "has no rows", file=sources[0],
                next_step="give a table with a row for each site, or for each merchant and country",
            )  # fmt: skip
        recipe = {
            "recipe": RECIPE, "source_sha256": digests, "seed": str(seed),
            "columns": [chosen.merchant, chosen.country, chosen.sites, chosen.order],
        }  # fmt: skip
        fingerprint = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
        tokens = {"seed": seed, "manifest_fingerprint": fingerprint}
        folder, bundle = root.path_for(CATALOGUE, **tokens), root.path_for(BUNDLE, **tokens)
        _refuse_another(root, folder, bundle, replace=replace)
        staged = work / "catalogue"
        staged.mkdir()
        part = staged / "part-00000.parquet"
        counts = _write(part, rows, columns, fingerprint, sources[0])
        write_bundle(
            work / "bundle",
            {
                "MANIFEST.json": {
                    "segment": "1A", "seed": str(seed), "manifest_fingerprint": fingerprint,
                    "origin": "imported with `segment1b import outlets`",
                    "vouches_for": "the SHA-256 of the source files and of the catalogue; no run "
                    "of segment 1A made these rows and no check of 1A has judged them",
                    **recipe,
                },
                "egress_checksums.json": {f"{CATALOGUE}/{part.name}": sha256_of(part).hex()},
                "outlet_counts.json": dict(
                    zip(("merchants", "pairs", "sites"), counts, strict=True)
                ),
            },
        )  # fmt: skip
        place_input(root, BUNDLE, work / "bundle", bundle, replace=replace)
        placed = place_input(root, CATALOGUE, staged, folder, replace=replace)
    return OutletImport(placed, folder, seed, fingerprint, seen, *counts)


def _read(
    path: Path, columns: OutletColumns, codes: CountryCodes, rows: SortedRows, seen: ReadAs
) -> OutletColumns:
    table = open_table(path)
    merchant = columns.merchant or usual_column(table.columns, MERCHANT_NAMES, "--merchant", path)
    country = columns.country or usual_column(table.columns, COUNTRY_NAMES, "--country", path)
    number = columns.sites or columns.order
    wanted = [name for name in (merchant, country, number) if name is not None]
    for name in wanted:
        if name not in table.columns:
            raise Segment1BError(
                "E_INPUT_SCHEMA", f"has no column {name!r}", file=path,
                value=", ".join(table.columns)[:300], next_step="name one of its columns",
            )  # fmt: skip
        if f"{name}_duplicated_0" in table.columns:
            raise Segment1BError(
                "E_INPUT_SCHEMA", f"has several columns {name!r}", file=path, value=name,
                next_step="rename all but the one that is meant",
            )  # fmt: skip
    for batch in table.batches(wanted):
        if not batch.height:
            continue
        ids = merchant_ids(batch[merchant], seen, path)
        listed = country_codes(batch[country], codes, seen)
        numbers = (
            pl.zeros(batch.height, pl.Int64, eager=True)
            if number is None
            else whole_numbers(batch[number], seen, path)
        )
        if not seen.unlisted:
            rows.add(pl.DataFrame({"merchant_id": ids, "country": listed, "number": numbers}))
        seen.rows += batch.height
    return OutletColumns(merchant, country, columns.sites, columns.order)


def _unlisted(seen: ReadAs, file: Path) -> Segment1BError:
    listed = ", ".join(f"{code!r} ({rows} rows)" for code, rows in sorted(seen.unlisted.items()))
    return Segment1BError(
        "E302_FK_COUNTRY", f"countries that are not on the ISO list: {listed[:500]}", file=file,
        value=min(seen.unlisted),
        next_step="mend the codes (alpha-2 or alpha-3) or leave these rows out, and import again",
    )  # fmt: skip


def _refuse_another(root: DataRoot, folder: Path, bundle: Path, *, replace: bool) -> None:
    """A root has one catalogue: another one is refused, or with `replace` retired."""
    others = [p for p in root.find_paths(CATALOGUE) if p != folder]
    if not others:
        return
    if not replace:
        raise Segment1BError(
            "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL",
            "the root holds another outlet catalogue, and nothing was written", file=others[0],
            next_step="add --replace: what is there moves to retired/ in the root",
        )  # fmt: skip
    with root.exclusive_lock("retiring"):
        for path in others:
            retire(root, CATALOGUE, path, "replaced by an import")
        for path in root.find_paths(BUNDLE):
            if path != bundle:
                retire(root, BUNDLE, path, "replaced by an import")


def _write(
    path: Path, rows: SortedRows, columns: OutletColumns, fingerprint: str, source: Path
) -> tuple[int, int, int]:
    """Write the catalogue; returns (merchants, pairs, sites)."""
    number = pl.col("number").sum() if columns.sites else pl.len().cast(pl.Int64)
    merchants = pairs = sites = 0
    repetitive = [name for name in _SCHEMA.names if name != "site_order"]
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd", use_dictionary=repetitive) as writer:
        for ordered in rows.ranges():
            if columns.order:
                _require_whole(ordered, source)
            pairs_of_range = ordered.group_by("merchant_id", "country", maintain_order=True)
            found = pairs_of_range.agg(sites=number)
            merchants += found["merchant_id"].n_unique()
            pairs += found.height
            sites += int(found["sites"].sum())
            for table in _site_rows(found, fingerprint, source):
                writer.write_table(table)
    return merchants, pairs, sites


def _require_whole(rows: pl.DataFrame, source: Path) -> None:
    """A given order must be exactly 1 to n for each merchant and country."""
    expected = rows.select(pl.int_range(1, pl.len() + 1).over("merchant_id", "country")).to_series()
    wrong = rows["number"] != expected
    if not wrong.any():
        return
    at = int(wrong.arg_max() or 0)
    merchant, country, number = rows.select("merchant_id", "country", "number").row(at)
    twice = number == expected[at] - 1
    raise Segment1BError(
        "E307_PK_DUPLICATE" if twice else "E314_SITE_ORDER_INTEGRITY",
        f"merchant {merchant} in {country} has the number {number} "
        f"{'twice' if twice else f'where {expected[at]} belongs'}",
        file=source, value=number,
        next_step="mend the column, or leave out --order: the order of the file numbers the sites",
    )  # fmt: skip


def _site_rows(pairs: pl.DataFrame, fingerprint: str, source: Path) -> Iterator[pa.Table]:
    """The rows of the catalogue, whole pairs at once."""
    most = int(pairs["sites"].to_numpy().max(initial=0))
    if most > MOST_SITES:
        merchant, country, sites = pairs.filter(pl.col("sites") == most).row(0)
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"merchant {merchant} has {sites:,} sites in {country}: site_id has "
            "six digits", file=source, value=sites,
        )  # fmt: skip
    ids = pa.array([f"{order:06d}" for order in range(1, most + 1)], pa.string())
    country = pairs["country"].to_arrow().cast(pa.string())
    merchant = pairs["merchant_id"].to_numpy()
    sites = pairs["sites"].to_numpy()
    for part in bounded_groups(sites, _SITES_AT_ONCE):
        n = sites[part]
        pair = np.repeat(np.arange(len(n)), n)
        order = np.arange(len(pair)) - np.repeat(np.cumsum(n) - n, n)
        yield pa.Table.from_arrays(
            [
                pa.array(merchant[part][pair]),
                country.take(pa.array(pair + part.start)),
                pa.array((order + 1).astype(np.int32)),
                ids.take(pa.array(order)),
                pa.repeat(fingerprint, len(pair)),
            ],
            schema=_SCHEMA,
        )
