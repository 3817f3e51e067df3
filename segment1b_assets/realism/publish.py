"""Writes a scorecard and its page under the root's reports (they may be replaced)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segment1b_assets.realism.measure import Measured
from segment1b_assets.realism.outlines import outlines
from segment1b_assets.realism.page import page
from segment1b_assets.realism.pictures import Picture, pictures_of
from segment1b_assets.realism.scorecard import law_of, scorecard
from segment1b_assets.storage.gate import as_json
from segment1b_assets.storage.run_inputs import RunInputs

#: Codes that a file's name has room for.
_MOST_CODES = 40


@dataclass(frozen=True)
class WrittenScorecard:
    """Where the scorecard and its page lie, the document, and the pictures of the judged root."""

    json_path: Path
    page_path: Path
    document: dict[str, Any]
    pictures: list[Picture]


def write_scorecard(found: Measured, beside: Measured | None = None) -> WrittenScorecard:
    """Draw and write both files.

    Args:
        beside: another root, for the page to show at its side.
    """
    inputs = found.inputs
    land = outlines(inputs)
    pictures = pictures_of(found, land)
    columns = [(_label(found, beside), found, pictures)]
    if beside is not None:
        columns.append((_label(beside, found), beside, pictures_of(beside, land)))
    document = scorecard(found)
    tokens = {**inputs.tokens("site_realism_scorecard"), "countries": _part(found)}
    json_path = inputs.root.path_for("site_realism_scorecard", **tokens)
    page_path = inputs.root.path_for("site_realism_page", **tokens)
    inputs.root.replace_file(json_path, as_json(document))
    inputs.root.replace_file(page_path, page(columns, land))
    return WrittenScorecard(json_path, page_path, document, pictures)


def _label(found: Measured, other: Measured | None) -> str:
    """A root by its law, and by its name where both follow the same."""
    law = {"plain": "plain law"}.get(law_of(found)["s4"], law_of(found)["s4"])
    if other is not None and law_of(other)["s4"] == law_of(found)["s4"]:
        return f"{law} ({found.inputs.root.uri.rstrip('/').rsplit('/', 1)[-1]})"
    return law


def _part(found: Measured) -> str:
    """The countries asked for, as a folder's name: `all`, their codes, or how many and a digest."""
    if found.asked is None:
        return "all"
    if len(found.asked) <= _MOST_CODES:
        return "-".join(found.asked)
    digest = hashlib.sha256(" ".join(found.asked).encode("ascii")).hexdigest()
    return f"{len(found.asked)}-{digest[:12]}"


def read_scorecard(inputs: RunInputs) -> dict[str, Any] | None:
    """The scorecard of all countries that was last written for these inputs; None without one."""
    tokens = {**inputs.tokens("site_realism_scorecard"), "countries": "all"}
    path = inputs.root.ensure_local(inputs.root.path_for("site_realism_scorecard", **tokens))
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
