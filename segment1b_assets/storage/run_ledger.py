"""The outcome of each country in this run, for its later states and checks.

Small files per run and state under reports/, so that it also works where every step of a run is
a separate process or machine: the failures, which later states read, and each dataset's verdicts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.gate import as_json

#: One rule's verdict as JSON: code, passed, detail, where, value.
Row = dict[str, Any]


class RunLedger:
    """Failures and verdicts of one Dagster run by state and country.

    Args:
        root: the data root.
        run: the Dagster run's id.
    """

    def __init__(self, root: DataRoot, run: str) -> None:
        self._root = root
        self._folder = root.path_for("run_outcomes", dagster_run=run)

    def failures(self, state: str) -> dict[str, Segment1BError]:
        """Country -> why it failed in `state` in this run."""
        try:
            found = self._read(self._path(state))
            return {country: _error(country, entry) for country, entry in found.items()}
        except (LookupError, AttributeError, TypeError) as err:
            raise self._unreadable(self._path(state), err) from err

    def verdicts(self, state: str, dataset: str) -> dict[str, dict[str, list[Row]]]:
        """Country -> check name -> the rows of its verdict in this run."""
        return self._read(self._path(state, dataset))

    def record(
        self,
        state: str,
        failures: Mapping[str, Segment1BError],
        dataset: str | None = None,
        verdicts: Mapping[str, Mapping[str, Sequence[Row]]] | None = None,
    ) -> None:
        """Add to a state's record; a country's first failure is kept.

        Raises:
            Segment1BError: E_IO where it cannot be written: later states would read too little.
        """
        path = self._path(state)
        failed = {c: _entry(e) for c, e in failures.items()} | self._read(path)
        try:
            self._root.replace_file(path, as_json({"countries": dict(sorted(failed.items()))}))
            if dataset is not None and verdicts:
                path = self._path(state, dataset)
                judged = {"countries": {**self._read(path), **verdicts}}
                # Without indentation, which Python's encoder writes ten times slower.
                self._root.replace_file(path, json.dumps(judged, ensure_ascii=False).encode())
        except OSError as err:
            reason = f"{type(err).__name__}: {err}"
            raise Segment1BError(
                "E_IO",
                f"the outcome of {state} cannot be recorded for later states: {reason}"
                + "".join(f"; {error}" for error in list(failures.values())[:3]),
                file=path,
            ) from err

    def _path(self, state: str, dataset: str | None = None) -> Path:
        """The file of a state's failures, or of the verdicts on one of its datasets."""
        return self._folder / (f"{state}.json" if dataset is None else f"{state}-{dataset}.json")

    def _read(self, path: Path) -> dict[str, Any]:
        """Country -> its entry; empty where nothing was recorded."""
        try:
            return dict(json.loads(self._root.ensure_local(path).read_bytes())["countries"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as err:
            # Treating it as "no country failed" would let failed countries through.
            raise self._unreadable(path, err) from err

    def _unreadable(self, path: Path, err: Exception) -> Segment1BError:
        return Segment1BError(
            "E_IO",
            f"the outcome of {path.stem} in this run cannot be read: {err!r}",
            file=path,
            next_step="start a new run over the same countries: it has its own record, "
            "and keeps what is published",
        )


def _entry(error: Segment1BError) -> dict[str, Any]:
    return {
        "code": error.code,
        "detail": error.detail,
        "file": error.file,
        "value": _value(error.value),
        "next_step": error.next_step,
    }


def _value(value: Any) -> str | int | float | None:
    """The value for JSON; anything except text and finite numbers becomes text."""
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
