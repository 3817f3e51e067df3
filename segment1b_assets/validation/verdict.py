"""What a validator says of one rule for one country (contract §6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from segment1b_assets.contracts.error_codes import ERROR_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.plausibility import PLAUSIBILITY


@dataclass(frozen=True)
class Verdict:
    """A rule's judgement.

    A rule that could not be judged has not passed, and `judged` is False.

    Attributes:
        code: the rule, a key of `ERROR_CODES` or of `PLAUSIBILITY`.
        passed: whether the partition keeps it.
        detail: why it fails: which rows, which values, what was expected (the first few).
        facts: counts behind the judgement (JSON-able), such as rows judged.
        where: the row, line or file of the first fault.
        value: the first offending value.
        judged: False where another fault kept the rule from being judged.
    """

    code: str
    passed: bool
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    value: Any = None
    judged: bool = True

    @classmethod
    def of_error(cls, error: Segment1BError) -> Verdict:
        """The broken rule that an error names."""
        return cls(error.code, False, error.detail, where=error.file or "", value=error.value)

    @classmethod
    def not_judged(cls, code: str, because: str) -> Verdict:
        """A rule that `because` kept from being judged."""
        return cls(code, False, f"not judged: {because}", judged=False)

    @property
    def result(self) -> str:
        """ "held", "broken" or "not judged"."""
        return "held" if self.passed else "broken" if self.judged else "not judged"

    @property
    def asks(self) -> str:
        """What the rule asks, as a sentence."""
        if self.code in PLAUSIBILITY:
            return PLAUSIBILITY[self.code].asks
        return f"It must not be that {ERROR_CODES[self.code].meaning}."

    def next_step(self, dataset: str, country: str) -> str:
        """What to do about a published partition of `dataset` that breaks the rule."""
        if self.code in PLAUSIBILITY:
            return PLAUSIBILITY[self.code].next_step
        own = ERROR_CODES[self.code].next_step
        if "segment1b retire" not in own:
            return own
        return (
            f'segment1b retire --dataset {dataset} --country {country} --why "{self.code}", then '
            f"materialise {country} again from there on"
        )

    def as_row(self) -> dict[str, Any]:
        """The verdict as the run ledger keeps it (JSON-able)."""
        row: dict[str, Any] = {"code": self.code, "passed": self.passed}
        if not self.passed:
            value = None if self.value is None else str(self.value)
            row |= {"detail": self.detail, "where": self.where, "value": value}
            row |= {} if self.judged else {"judged": False}
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Verdict:
        """A verdict that the run ledger kept."""
        return cls(
            row["code"], row["passed"], row.get("detail", ""), {}, row.get("where", ""),
            row.get("value"), row.get("judged", True),
        )  # fmt: skip

    def located(self, where: str) -> Verdict:
        """The same; a broken rule without a place gets `where`."""
        return self if self.passed or self.where else replace(self, where=where)
