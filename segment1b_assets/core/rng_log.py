"""RNG events and the trace as JSON lines, rendered column by column (contract §5).

Every line of a log has the same length: numbers are right-aligned in slots, which JSON allows
(it ignores blanks around a value). So a batch of lines is one matrix of bytes, whose constant
columns are copied and whose slots Arrow's number formatting fills, and a reader finds any value
of any line by arithmetic. Floats are the shortest text that reads back as the same binary64.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.philox import U64, counter_plus
from segment1b_assets.core.substreams import LABEL_ASSIGN, LABEL_JITTER, LABEL_PLAN

#: Widest text of a uint64, and of a binary64 as Arrow writes it (-0.0000012345678901234567).
_UINT: Final = 20
_FLOAT: Final = 25
#: Keys whose slot is not that of a float: a whole number, or one between quotation marks.
_WHOLE: Final = frozenset({"tile_id", "n_sites"})
_QUOTED: Final = frozenset({"home", "reach"})

_COUNTERS: Final = (
    "rng_counter_before_hi",
    "rng_counter_before_lo",
    "rng_counter_after_hi",
    "rng_counter_after_lo",
)
_TOTALS: Final = ("events_total", "blocks_total", "draws_total")


@dataclass(frozen=True)
class Family:
    """A family of events: its name and label, its module, and the uniforms of a block.

    `values` are the keys that its events carry besides the common ones, in order; those in
    `zeros` are the constant 0.0. `by_site` is whether an event is of a site, or of a pair.
    """

    name: str
    module: str
    draws: int
    values: tuple[str, ...]
    zeros: tuple[str, ...] = ()
    by_site: bool = True

    @property
    def events_id(self) -> str:
        """Dataset id of the event log."""
        return f"rng_events_{self.name}"

    @property
    def trace_id(self) -> str:
        """Dataset id of the trace log."""
        return f"rng_trace_{self.name}"


PLAN: Final = Family(LABEL_PLAN, "1B.S4.planner", 2, ("n_sites", "home", "reach"), by_site=False)
ASSIGN: Final = Family(LABEL_ASSIGN, "1B.S5.assigner", 1, ("tile_id", "u"))
JITTER: Final = Family(
    LABEL_JITTER,
    "1B.S6.jitter",
    2,
    ("sigma_lat_deg", "sigma_lon_deg", "delta_lat_deg", "delta_lon_deg"),
    zeros=("sigma_lat_deg", "sigma_lon_deg"),
)


class RngLog:
    """The two logs of one family in one country; the trace's totals continue from call to call."""

    def __init__(self, family: Family, identity: Identity, ts_utc: str, country: str) -> None:
        self.family = family
        self.events = 0
        head: dict[str, Any] = {
            "ts_utc": ts_utc,
            "run_id": identity.run_id,
            "seed": identity.seed,
        }
        tokens = {
            "parameter_hash": identity.parameter_hash,
            "manifest_fingerprint": identity.manifest_fingerprint,
        }
        label = {"module": family.module, "substream_label": family.name}
        counters = dict.fromkeys(_COUNTERS, _Slot(_UINT))
        budget = {"blocks": 1, "draws": str(family.draws)}
        site: dict[str, Any] = {"merchant_id": _Slot(_UINT), "legal_country_iso": country}
        if family.by_site:
            site["site_order"] = _Slot(_UINT)
        values = {k: 0.0 if k in family.zeros else _slot_of(k) for k in family.values}
        self._event = _Line({**head, **tokens, **label, **counters, **budget, **site, **values})
        totals = dict.fromkeys(_TOTALS, _Slot(_UINT))
        self._trace = _Line({**head, **label, **counters, **totals})

    def lines(
        self,
        counter_lo: U64,
        counter_hi: U64,
        merchant_id: U64,
        site_order: NDArray[np.integer] | None = None,
        **values: NDArray[Any],
    ) -> dict[str, bytes]:
        """The lines of n events, in order.

        Args:
            counter_lo, counter_hi: uint64 (n,), halves of the counter whose block was used.
            merchant_id: uint64 (n,); site_order: integers (n,), none where an event is a pair's.
            values: the family's own keys that are not constant, (n,) each.

        Returns:
            Dataset id -> UTF-8 lines, each ended by a line feed: the events and their trace.
        """
        n = counter_lo.size
        after_lo, after_hi = counter_plus(counter_lo, counter_hi, np.ones(n, np.uint64))
        halves = (counter_hi, counter_lo, after_hi, after_lo)
        # Formatted once, for both logs.
        counters = {k: _padded(v, _UINT) for k, v in zip(_COUNTERS, halves, strict=True)}
        count = np.arange(self.events + 1, self.events + n + 1, dtype=np.uint64)
        self.events += n
        totals = (count, count, count * np.uint64(self.family.draws))
        if site_order is not None:
            values["site_order"] = site_order
        return {
            self.family.events_id: self._event.render(
                n, counters | {"merchant_id": merchant_id, **values}
            ),
            self.family.trace_id: self._trace.render(
                n, counters | dict(zip(_TOTALS, totals, strict=True))
            ),
        }


@dataclass(frozen=True)
class _Slot:
    """Room for a number of at most `width` characters, its quotation marks included."""

    width: int
    quoted: bool = False


def _slot_of(key: str) -> _Slot:
    if key in _QUOTED:
        return _Slot(_UINT + 2, quoted=True)
    return _Slot(_UINT if key in _WHOLE else _FLOAT)


class _Line:
    """A line's constant bytes and the places of its slots."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        text = b"{"
        self._places: dict[str, slice] = {}
        self._quoted = {key for key, v in keys.items() if isinstance(v, _Slot) and v.quoted}
        for key, value in keys.items():
            text += b"" if text == b"{" else b","
            text += json.dumps(key).encode() + b":"
            if isinstance(value, _Slot):
                self._places[key] = slice(len(text), len(text) + value.width)
                text += b" " * value.width
            else:
                text += json.dumps(value).encode()
        self._template = np.frombuffer(text + b"}\n", np.uint8)
        self._matrix = self._template[np.newaxis].copy()

    def render(self, n: int, columns: Mapping[str, NDArray[Any]]) -> bytes:
        # The matrix is kept from call to call: every slot is overwritten, the rest is constant.
        if self._matrix.shape[0] < n:
            self._matrix = np.repeat(self._template[np.newaxis], n, axis=0)
        matrix = self._matrix[:n]
        for key, place in self._places.items():
            column = columns[key]
            width = place.stop - place.start
            if column.ndim == 1:
                column = _padded(column, width, quoted=key in self._quoted)
            matrix[:, place] = column
        return matrix.tobytes()


def _padded(values: NDArray[Any], width: int, quoted: bool = False) -> NDArray[np.uint8]:
    """Numbers as right-aligned text, uint8 (n, width)."""
    text = pc.cast(pa.array(values), pa.string())
    if quoted:
        text = pc.binary_join_element_wise('"', text, '"', "")
    padded = pc.ascii_lpad(text, width=width, padding=" ")
    _, offsets, data = padded.buffers()
    if np.frombuffer(offsets, np.int32, count=values.size + 1)[-1] != values.size * width:
        raise ValueError(f"a number is wider than its {width} characters")
    return np.frombuffer(data, np.uint8, count=values.size * width).reshape(values.size, width)
