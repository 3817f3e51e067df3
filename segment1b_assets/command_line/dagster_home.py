"""Where Dagster's history of the command line's runs lies."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from segment1b_assets.storage.data_root import repository

SETTINGS = "dagster.yaml"


def use_dagster_home() -> Path:
    """Set $DAGSTER_HOME to an absolute folder that has instance settings; make it if need be.

    It is what $DAGSTER_HOME says, else the repository where this package lies in a clone, else
    ``$XDG_STATE_HOME/segment1b`` (``~/.local/state/segment1b``), where the packaged settings are
    put unless there are some.
    """
    named = os.environ.get("DAGSTER_HOME")
    home = Path(named).absolute() if named else repository() or _state_folder()
    home.mkdir(parents=True, exist_ok=True)
    if not named and not (home / SETTINGS).exists():
        (home / SETTINGS).write_text(packaged_settings(), "utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def packaged_settings() -> str:
    """The text of the instance settings that the package brings; the repository's own."""
    return (resources.files("segment1b_assets") / "instance" / SETTINGS).read_text("utf-8")


def _state_folder() -> Path:
    # The XDG base directory specification: a relative path there is to be ignored.
    named = Path(os.environ.get("XDG_STATE_HOME") or "")
    base = named if named.is_absolute() else Path.home() / ".local" / "state"
    return base / "segment1b"
