"""The outlet catalogue of segment 1A, grouped by country (contract §3; S3's rules).

Only numbers are kept, 14 bytes an outlet: merchant, site_order and a small country code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.catalogue_folder import require_plain_folder
from segment1b_assets.storage.column_kinds import is_text
from segment1b_assets.storage.parquet import open_parquet, reading

#: More distinct texts than this are not country codes; a row's code is kept in 16 bits.
_MAX_CODES = 10_000
_COLUMNS = ("merchant_id", "legal_country_iso", "site_order", "manifest_fingerprint", "site_id")

#: Few different texts, read as dictionaries where the file allows it.
_REPEATING = ("legal_country_iso", "manifest_fingerprint")


@dataclass(frozen=True)
class Outlets:
    """A country's outlets in (merchant_id, site_order) order.

    Attributes:
        merchant_id: uint64, shape (n,).
        site_order: int64, shape (n,).
    """

    merchant_id: NDArray[np.uint64]
    site_order: NDArray[np.int64]


@dataclass(frozen=True)
class OutletCatalogue:
    """All outlets by country, and the faults of single countries.

    Attributes:
        outlets: country -> its outlets, only countries that have any, in code order.
        faults: country -> the error of its rows.
        unknown_codes: codes that are not on the ISO list -> number of rows, in code order.
        folder: where it was read.
    """

    outlets: dict[str, Outlets]
    faults: dict[str, Segment1BError]
    unknown_codes: dict[str, int]
    folder: Path


def read_outlet_catalogue(
    folder: Path, files: Sequence[Path], manifest_fingerprint: str, iso_codes: frozenset[str]
) -> OutletCatalogue:
    """Read and check the catalogue; each file must be sorted, the files' order does not matter.

    Raises:
        Segment1BError: E_INPUT_MISSING, E_INPUT_SCHEMA, E305_SCHEMA_INVALID for faults of
            all countries; those of single countries are in `faults`.
    """
    require_plain_folder(folder, files)
    if not files:
        raise Segment1BError("E_INPUT_MISSING", "there is no outlet catalogue", file=folder)
    codes: dict[str, int] = {}
    parts = [_read_file(path, manifest_fingerprint, codes) for path in files]
    if len(codes) > _MAX_CODES:
        raise Segment1BError(
            "E305_SCHEMA_INVALID",
            f"column 'legal_country_iso' holds {len(codes)} texts: these are not country codes",
            file=folder, value=min(codes),
        )  # fmt: skip
    merchant = np.concatenate([p.merchant for p in parts])
    order = np.concatenate([p.order for p in parts])
    country = np.concatenate([p.country for p in parts])
    source = np.repeat(np.arange(len(parts), dtype=np.int32), [len(p.merchant) for p in parts])
    suspects = np.concatenate([p.unsorted for p in parts])
    strangers = np.concatenate([p.misplaced for p in parts])

    by_country = np.argsort(country, kind="stable")
    bounds = np.searchsorted(country[by_country], np.arange(len(codes) + 1))
    outlets: dict[str, Outlets] = {}
    faults: dict[str, Segment1BError] = {}
    unknown_codes: dict[str, int] = {}
    for code in sorted(codes):
        rows = by_country[bounds[codes[code]] : bounds[codes[code] + 1]]
        if rows.size == 0:
            continue  # a dictionary may list a text that no row has
        if code not in iso_codes:
            unknown_codes[code] = len(rows)
            # A code in the wrong case would otherwise leave its country without these sites.
            if (meant := code.strip().upper()) in iso_codes:
                faults[meant] = Segment1BError(
                    "E302_FK_COUNTRY", f"{len(rows)} of its outlets are filed under {code!r}",
                    country=meant, file=files[source[rows[0]]], value=code,
                )  # fmt: skip
            continue
        m, o = merchant[rows], order[rows]
        fault = _fault(code, m, o, source[rows], suspects[rows], strangers[rows], files)
        if fault is not None:
            faults.setdefault(code, fault)
        if len(files) > 1:
            key = np.lexsort((o, m))
            m, o = m[key], o[key]
        outlets[code] = Outlets(m, o)
    return OutletCatalogue(outlets, faults, unknown_codes, folder)


@dataclass(frozen=True)
class _Part:
    merchant: NDArray[np.uint64]
    order: NDArray[np.int64]
    country: NDArray[np.int16]
    unsorted: NDArray[np.bool_]
    misplaced: NDArray[np.bool_]


def _read_file(path: Path, manifest_fingerprint: str, codes: dict[str, int]) -> _Part:
    with open_parquet(path) as reader:
        _require_schema(reader.schema_arrow, path)
        coded = [c for c in _REPEATING if not _is_delta_encoded(reader.metadata, c)]
    with reading(path):
        table = pq.ParquetFile(path, read_dictionary=coded).read(columns=list(_COLUMNS[:4]))
    for name in table.column_names:
        if table.column(name).null_count:
            raise Segment1BError("E305_SCHEMA_INVALID", f"column {name!r} holds a null", file=path)
    merchant = table.column("merchant_id").to_numpy().astype(np.uint64, copy=False)
    try:
        order = pc.cast(table.column("site_order"), pa.int64()).to_numpy()
    except pa.ArrowInvalid as err:
        raise Segment1BError(
            "E305_SCHEMA_INVALID", f"column 'site_order' does not fit 64 bits: {err}", file=path
        ) from err
    tokens: dict[str, int] = {}
    try:
        label, ranks = _labels(table.column("legal_country_iso"), codes)
        token, _ = _labels(table.column("manifest_fingerprint"), tokens)
    except UnicodeDecodeError as err:
        raise Segment1BError(
            "E305_SCHEMA_INVALID", "a text column holds text that is not UTF-8", file=path,
            value=err.object[:40],
        ) from err  # fmt: skip
    except IndexError:
        raise Segment1BError(
            "E_INPUT_SCHEMA", "a text column has an index outside its dictionary", file=path
        ) from None
    unsorted = np.zeros(len(merchant), dtype=bool)
    rank = ranks[label]
    same_merchant = merchant[1:] == merchant[:-1]
    unsorted[1:] = (merchant[1:] < merchant[:-1]) | (
        same_merchant
        & ((rank[1:] < rank[:-1]) | ((rank[1:] == rank[:-1]) & (order[1:] < order[:-1])))
    )
    misplaced = token != tokens.get(manifest_fingerprint, -1)
    return _Part(merchant, order, label.astype(np.int16), unsorted, misplaced)


def _is_delta_encoded(footer: pq.FileMetaData, name: str) -> bool:
    """Whether a column's text is in one of the encodings that Arrow makes no dictionary from.

    Writers of parquet version 2 use them: DuckDB, Spark and arrow-rs with that option.
    """
    names = [footer.schema.column(i).path for i in range(footer.num_columns)]
    if name not in names:
        return False
    chunks = (footer.row_group(g).column(names.index(name)) for g in range(footer.num_row_groups))
    return any(encoding.startswith("DELTA") for chunk in chunks for encoding in chunk.encodings)


def _labels(
    column: pa.ChunkedArray, codes: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Text as small integers shared over files, and the ASCII rank of each integer."""
    pieces = []
    for chunk in column.chunks:
        encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
        mapping = np.array(
            [codes.setdefault(text, len(codes)) for text in encoded.dictionary.to_pylist()],
            dtype=np.int32,
        )
        pieces.append(mapping[encoded.indices.to_numpy(zero_copy_only=False)])
    labels = np.concatenate(pieces) if pieces else np.zeros(0, np.int32)
    rank = np.zeros(len(codes), dtype=np.int32)
    for position, text in enumerate(sorted(codes)):
        rank[codes[text]] = position
    return labels, rank


def _require_schema(schema: pa.Schema, path: Path) -> None:
    for name in _COLUMNS:
        if name not in schema.names:
            raise Segment1BError("E305_SCHEMA_INVALID", f"column {name!r} is missing", file=path)
    kinds = {name: schema.field(name).type for name in _COLUMNS}
    wrong = None
    if kinds["merchant_id"] != pa.uint64():
        wrong = ("merchant_id", "uint64")
    elif not pa.types.is_integer(kinds["site_order"]):
        wrong = ("site_order", "an integer")
    else:
        for name in ("legal_country_iso", "manifest_fingerprint", "site_id"):
            if not is_text(kinds[name]):
                wrong = (name, "text")
    if wrong is not None:
        raise Segment1BError(
            "E305_SCHEMA_INVALID", f"column {wrong[0]!r} must be {wrong[1]}", file=path,
            value=str(kinds[wrong[0]]),
        )  # fmt: skip


def _fault(
    country: str,
    merchant: NDArray[np.uint64],
    order: NDArray[np.int64],
    source: NDArray[np.int32],
    unsorted: NDArray[np.bool_],
    misplaced: NDArray[np.bool_],
    files: Sequence[Path],
) -> Segment1BError | None:
    """The first rule that a country's rows (in file order) break, if any."""

    def error(code: str, detail: str, row: int, value: object) -> Segment1BError:
        return Segment1BError(code, detail, country=country, file=files[source[row]], value=value)

    if misplaced.any():
        row = int(np.argmax(misplaced))
        return error(
            "E306_TOKEN_MISMATCH",
            f"{int(misplaced.sum())} rows carry another manifest_fingerprint than their folder",
            row,
            int(merchant[row]),
        )
    descends = np.zeros(len(merchant), dtype=bool)
    descends[1:] = (source[1:] == source[:-1]) & (
        (merchant[1:] < merchant[:-1])
        | ((merchant[1:] == merchant[:-1]) & (order[1:] < order[:-1]))
    )
    if (bad := descends | unsorted).any():
        row = int(np.argmax(bad))
        return error(
            "E310_UNSORTED",
            "rows are not in (merchant_id, legal_country_iso, site_order) order from "
            f"merchant {int(merchant[row])}, site_order {int(order[row])} on",
            row,
            int(merchant[row]),
        )
    key = np.lexsort((order, merchant))
    m, o = merchant[key], order[key]
    first = np.ones(len(m), dtype=bool)
    first[1:] = m[1:] != m[:-1]
    repeats = ~first
    repeats[1:] &= o[1:] == o[:-1]
    if repeats.any():
        at = int(np.argmax(repeats))
        return error(
            "E307_PK_DUPLICATE",
            f"merchant {int(m[at])} has site_order {int(o[at])} more than once",
            int(key[at]),
            int(o[at]),
        )
    starts = np.flatnonzero(first)
    expected = np.arange(1, len(m) + 1) - np.repeat(starts, np.diff(np.append(starts, len(m))))
    if (gaps := o != expected).any():
        at = int(np.argmax(gaps))
        return error(
            "E314_SITE_ORDER_INTEGRITY",
            f"merchant {int(m[at])} has site_order {int(o[at])} where {int(expected[at])} belongs",
            int(key[at]),
            int(o[at]),
        )
    return None
