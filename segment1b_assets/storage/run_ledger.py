"""Who failed in this run, for the later states of the same run.

A small file per run and state under reports/: it works as well when every step of a run is a
process of its own, or a machine of its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.gate import as_json
from segment1b_assets.storage.publish import replace_file


class RunLedger:
    """Failures of one Dagster run by state and country.

    Args:
        root: the data root.
        run: the Dagster run's id.
    """

    def __init__(self, root: DataRoot, run: str) -> None:
        self._root = root
        self._folder = root.path_for("run_outcomes", dagster_run=run)

    def failures(self, state: str) -> dict[str, Segment1BError]:
        """Country -> why it failed in `state` in this run; empty where nothing did."""
        try:
            path = self._root.ensure_local(self._folder / f"{state}.json")
            document = json.loads(path.read_bytes())
            return {country: _error(country, entry) for country, entry in document.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, AttributeError, TypeError) as err:
            # Taken for "nobody failed" it would let failed countries through.
            raise Segment1BError(
                "E_IO",
                f"what became of {state}'s countries in this run cannot be read: {err!r}",
                file=self._folder / f"{state}.json",
                next_step="start a new run over the same countries: it keeps a record of its own, "
                "and finds what is published as it is",
            ) from err

    def ran(self, state: str) -> bool:
        """Whether `state` made partitions in this run, failing or not."""
        return self._root.exists(self._folder / f"{state}.json")

    def record(self, state: str, failures: Mapping[str, Segment1BError]) -> None:
        """Add failures of a state, none if all went well; the first one of a country stands."""
        if not failures and self.ran(state):
            return
        merged = {**failures, **self.failures(state)}
        document = {country: _entry(merged[country]) for country in sorted(merged)}
        path = self._folder / f"{state}.json"
        try:
            replace_file(self._root, path, as_json(document))
        except OSError as err:
            reason = f"{type(err).__name__}: {err}"
            raise Segment1BError(
                "E_IO",
                f"what became of {state}'s countries cannot be noted for later states: {reason}"
                + "".join(f"; {error}" for error in list(merged.values())[:3]),
                file=path,
            ) from err


def _entry(error: Segment1BError) -> dict[str, Any]:
    return {
        "code": error.code,
        "detail": error.detail,
        "file": error.file,
        "value": _value(error.value),
        "next_step": error.next_step,
    }


def _value(value: Any) -> str | int | float | None:
    """The value as JSON can hold it; anything but text and finite numbers is spelt out."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return repr(value)


def _error(country: str, entry: dict[str, Any]) -> Segment1BError:
    return Segment1BError(
        entry["code"],
        entry["detail"],
        country=country,
        file=entry["file"],
        value=entry["value"],
        next_step=entry["next_step"],
    )
