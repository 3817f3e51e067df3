"""Rules about inputs, as verdicts: the input is read and judged again for the country."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.validation.verdict import Verdict


def judge_input(codes: Sequence[str], read: Callable[[], object]) -> list[Verdict]:
    """A verdict for each of `codes`: the one that reading raises is broken, the others are kept.

    An error of another code is nobody's verdict here; it is raised on.
    """
    broken: Segment1BError | None = None
    try:
        read()
    except Segment1BError as err:
        if err.code not in codes:
            raise
        broken = err
    return [
        Verdict(code, False, broken.detail, {"file": broken.file or ""})
        if broken is not None and broken.code == code
        else Verdict(code, True)
        for code in codes
    ]


def unknown_codes_as_errors(
    code: str, found: dict[str, str], file: object
) -> dict[str, Segment1BError]:
    """Codes in an input that are on no ISO list: nobody's partition, but nothing to pass over."""
    return {
        name: Segment1BError(
            code,
            f"{name!r} is not on the ISO list ({where})",
            country=name,
            file=str(file),
            value=name,
            next_step=f"did you mean {name.upper()}? Mend the code and re-run"
            if name.upper() != name
            else None,
        )
        for name, where in found.items()
    }
