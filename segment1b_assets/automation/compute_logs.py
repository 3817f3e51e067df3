"""Dagster's local store of captured output, which draws maps as well.

The webserver serves under ``/logs/`` the files that its compute log manager names. There is no
other public way to add a picture of the webserver's own origin. Addresses that begin with `MAPS`
are maps of published partitions, drawn at the first request; the others are a run's output.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from dagster import Field, StringSource

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.dagster_internals import LocalComputeLogManager
from segment1b_assets.maps.address import MAPS

_log = logging.getLogger(__name__)


class MapsAndComputeLogs(LocalComputeLogManager):
    """Captured output in the folder that Dagster chooses by default, and maps under /logs/."""

    @classmethod
    def config_type(cls) -> Any:
        return {"base_dir": Field(StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> MapsAndComputeLogs:
        default = os.path.join(os.environ.get("DAGSTER_HOME", "."), "storage")
        return cls(config_value.get("base_dir", default), inst_data=inst_data)

    def get_captured_local_path(
        self, log_key: Sequence[str], extension: str, partial: bool = False
    ) -> str:
        """The file of a key: a map's, drawn unless it is there, or that of captured output."""
        if log_key[0] == MAPS and extension == "png" and len(log_key) == 4:
            dataset, country, receipt = log_key[1:]
            # Every process that opens the history imports this module; only one draws.
            from segment1b_assets.maps.kept import kept_map
            from segment1b_assets.resources import Segment1B

            try:
                return str(kept_map(Segment1B().open(), dataset, country, receipt))
            except (Segment1BError, ValueError, OSError, MemoryError) as err:
                # The webserver answers 404 for the file that is not there, and the page then
                # shows the command that says why.
                _log.warning("no map of %s %s: %s", dataset, country, err)
        found: str = super().get_captured_local_path(log_key, extension, partial)
        return found
