"""Collects what a validator finds, rule by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.validation.columns import Arrays, row_text
from segment1b_assets.validation.verdict import Verdict

#: Faults of one rule that are described; the others are only counted.
_DESCRIBED: Final = 3


@dataclass
class _Rule:
    count: int = 0
    details: list[str] = field(default_factory=list)
    where: str = ""
    value: Any = None
    unjudged: str = ""


class Findings:
    """Faults by rule; a rule without a fault has passed.

    Args:
        codes: the rules that are judged, in the order of their verdicts.
    """

    def __init__(self, codes: Sequence[str]) -> None:
        self._rules = {code: _Rule() for code in codes}
        self._stops: list[Verdict] = []

    def add(
        self, code: str, detail: str, count: int = 1, *, where: str = "", value: Any = None
    ) -> None:
        """Note `count` faults of a rule, described by one sentence."""
        rule = self._rules[code]
        if not rule.count:
            rule.where, rule.value = where, value
        rule.count += count
        if len(rule.details) < _DESCRIBED:
            rule.details.append(detail)

    def add_rows(
        self, code: str, wrong: NDArray[np.bool_], block: Arrays, names: Sequence[str], what: str,
        value: NDArray[Any] | None = None,
    ) -> None:  # fmt: skip
        """Note the rows of a block that break a rule; the first one is described.

        Args:
            wrong: bool, shape (rows,).
            names: columns that identify a row.
            what: ends the sentence that begins with the row.
            value: the offending values, shape (rows,), if one can be shown.
        """
        if wrong.any():
            at = int(np.argmax(wrong))
            where = row_text(block, names, at)
            shown = None if value is None else value[at].item()
            count = int(np.count_nonzero(wrong))
            self.add(code, f"{where} {what}", count, where=where, value=shown)

    def add_differences(
        self, code: str, cells: CellRuns | None, wanted: CellRuns, extra: str, lacking: str
    ) -> None:
        """Note the cells of a file that differ from those wanted, with up to three of each kind.

        Args:
            cells: the file's; None if its ids are out of order or off the grid.
            extra, lacking: end the sentences about a cell that is in the file only, or wanted only.
        """
        if cells is None:
            self.not_judged("tile ids are out of order or off the grid", [code])
            return
        for faulty, what in (
            (cells.subtract(wanted), extra),
            (wanted.subtract(cells), f"{lacking}, but is not in the file"),
        ):
            if faulty.count:
                some = next(faulty.batches(_DESCRIBED)).tile_ids().tolist()
                where = f"tile_id {some[0]}"
                named = ", ".join(map(str, some))
                self.add(code, f"tile_id {named} {what}", faulty.count, where=where, value=some[0])

    def not_judged(self, because: str, codes: Sequence[str]) -> None:
        """Note rules that could not be judged."""
        for code in codes:
            self._rules[code].unjudged = because

    def stopped(self, error: Segment1BError, codes: Sequence[str]) -> None:
        """Note an error that is none of these rules, and the rules that it kept from judgement."""
        self._stops.append(Verdict.of_error(error))
        self.not_judged(f"{error.code} stopped it", codes)

    def stopped_by(self, verdicts: Sequence[Verdict], codes: Sequence[str]) -> bool:
        """Whether one of `verdicts`, of these rules, is broken; then the others are not judged."""
        for verdict in verdicts:
            if not verdict.passed:
                self.add(verdict.code, verdict.detail, where=verdict.where, value=verdict.value)
                self.not_judged(f"{verdict.code} stopped it", codes)
                return True
        return False

    def verdicts(self, facts: Mapping[str, Any]) -> list[Verdict]:
        """What stopped the judging, then one verdict a rule."""
        return self._stops + [
            self._verdict(code, rule, facts) for code, rule in self._rules.items()
        ]

    def _verdict(self, code: str, rule: _Rule, facts: Mapping[str, Any]) -> Verdict:
        if not rule.count and rule.unjudged:
            return Verdict.not_judged(code, rule.unjudged)
        detail = "; ".join(rule.details)
        if rule.count > len(rule.details):
            detail += f" ({rule.count} faults in all)"
        counted = {**facts, "faults": rule.count}
        return Verdict(code, not rule.count, detail, counted, rule.where, rule.value)
