"""Which Arrow types hold text or bytes: every layout that a parquet writer may declare.

Arrow has three layouts of each (plain, with large offsets, views), and writers declare theirs in
the file: arrow-rs and Polars views, GeoPandas and Spark plain ones.
"""

from __future__ import annotations

import pyarrow as pa


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text, as it is or by a dictionary."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(plain)
        or pa.types.is_large_string(plain)
        or pa.types.is_string_view(plain)
    )


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a column of this type holds byte strings of any length."""
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )
