"""A new data root: the ISO list, the five policies, and folders for what is to come (§2, §3)."""

from __future__ import annotations

from pathlib import Path

from segment1b_assets.contracts.starting_files import listed_countries, starting_policies
from segment1b_assets.imports.place_input import Placed, place_input
from segment1b_assets.storage.country_tables import write_iso_list
from segment1b_assets.storage.data_root import DataRoot

ISO_LIST = "iso3166_canonical_2024"
#: Datasets whose folders are made, so that a file browser shows where things go.
_FOLDERS = ("world_countries", "population_raster_2025")


def start_root(root: DataRoot) -> dict[str, Placed]:
    """Write what a root starts with; a file that is there already is left as it is.

    Returns:
        Dataset id -> "written", or "unchanged" where a file was there, whatever its bytes.
    """
    outcomes: dict[str, Placed] = {}
    with root.staging_area() as work:
        staged = work / "iso3166.parquet"
        write_iso_list(staged, listed_countries())
        files: dict[str, Path] = {ISO_LIST: staged}
        for name, content in starting_policies().items():
            files[name] = work / f"{name}.yaml"
            files[name].write_bytes(content)
        for dataset, path in files.items():
            target = root.path_for(dataset)
            if root.exists(target):
                outcomes[dataset] = "unchanged"
            else:
                outcomes[dataset] = place_input(root, dataset, path, target, replace=False)
    for dataset in _FOLDERS:
        root.path_for(dataset).parent.mkdir(parents=True, exist_ok=True)
    return outcomes
