"""One exception for everything that the contract gives a code (contract §6)."""

from __future__ import annotations

from functools import partial
from pathlib import PurePath
from typing import Any

from segment1b_assets.contracts.error_codes import ERROR_CODES


class Segment1BError(Exception):
    """A failure with a code, and what a person needs to resolve it.

    Attributes:
        code: a key of ``ERROR_CODES``.
        detail: what is wrong, in one sentence, with the offending value in it.
        country: the ISO code whose partition fails, or None where the fault concerns several.
        file: the file at fault, if one is known.
        value: the offending value, if one can be shown.
        next_step: what to do; by default the code's own advice.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        country: str | None = None,
        file: str | PurePath | None = None,
        value: Any = None,
        next_step: str | None = None,
    ) -> None:
        self.code = code
        self.detail = detail
        self.country = country
        self.file = None if file is None else str(file)
        self.value = value
        self.next_step = next_step or ERROR_CODES[code].next_step
        super().__init__(str(self))

    def with_country(self, country: str) -> Segment1BError:
        """A copy that names `country`."""
        return Segment1BError(self.code, self.detail, **{**self._context(), "country": country})

    def with_next_step(self, next_step: str) -> Segment1BError:
        """A copy with other advice."""
        return Segment1BError(self.code, self.detail, **{**self._context(), "next_step": next_step})

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Segment1BError, self.code, self.detail, **self._context()), ()

    def _context(self) -> dict[str, Any]:
        names = ("country", "file", "value", "next_step")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        where = f" [{self.country}]" if self.country else ""
        parts = [f"{self.code}{where}: {self.detail}"]
        if self.file is not None:
            parts.append(f"file: {self.file}")
        if self.value is not None:
            parts.append(f"value: {self.value!r}")
        parts.append(f"next step: {self.next_step}")
        return " | ".join(parts)
