"""Maps that are drawn when somebody first looks at them, then kept under the root's reports.

A picture is named by dataset, country and the receipt of what it shows, so that the page of an
older materialisation never shows newer rows.
"""

from __future__ import annotations

from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.maps.published import MAPPED, map_of
from segment1b_assets.storage.reports import noted_receipt
from segment1b_assets.storage.run_inputs import RunInputs


def kept_map(inputs: RunInputs, dataset: str, country: str, receipt: str) -> Path:
    """The PNG file of a partition's map, drawn unless it is there.

    Args:
        receipt: the first DIGITS digits of the partition's receipt.

    Raises:
        Segment1BError: E_INPUT_MISSING where the dataset has no map, or the partition with this
            receipt is not what is published now and its map was not drawn while it was; E_IO where
            the file cannot be written; as `map_of`.
        ValueError: country or receipt is not of its form.
    """
    if dataset not in MAPPED:
        raise Segment1BError("E_INPUT_MISSING", f"{dataset} has no map", value=dataset)
    path = inputs.root.path_for("map_picture", dataset=dataset, country=country, receipt=receipt)
    kept = inputs.root.ensure_local(path)
    if kept.is_file():
        return kept
    inputs.require_country(country)
    noted = noted_receipt(inputs, dataset, country)
    if noted is None or not noted.startswith(receipt):
        raise Segment1BError(
            "E_INPUT_MISSING",
            f"{dataset} with the receipt {receipt}… is not what is published now",
            country=country, file=inputs.path(dataset, country), value=noted,
        )  # fmt: skip
    picture = map_of(inputs, dataset, country)
    try:
        inputs.root.replace_file(path, picture)
    except OSError as err:
        raise Segment1BError("E_IO", f"the map cannot be kept ({err})", file=path) from err
    return inputs.root.ensure_local(path)
