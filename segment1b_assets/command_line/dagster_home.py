"""Where Dagster's history of the command line's runs lies."""

from __future__ import annotations

import hashlib
import os
import re
from importlib import resources
from pathlib import Path

from segment1b_assets.storage.data_root import ROOT_VARIABLE, repository
from segment1b_assets.storage.open_root import root_uri

SETTINGS = "dagster.yaml"


def use_dagster_home(root: str) -> Path:
    """Set $DAGSTER_HOME to the absolute folder of a root's history; make it if need be.

    A history is of one root, because partitions have no root in Dagster. The one that $DAGSTER_HOME
    names is of ``$SEGMENT1B_ROOT``; without that variable the repository's is of ``data/``, and any
    other folder's of the root that the user names. Every other root has a folder of its own in
    ``$XDG_STATE_HOME/segment1b`` (``~/.local/state/segment1b``), with the packaged settings unless
    there are some.
    """
    named = os.environ.get("DAGSTER_HOME")
    home = Path(named).absolute() if named else repository()
    if home is None or not _is_history_of(home, root_uri(root), bool(named)):
        home, named = _state_folder() / _folder_name(root_uri(root)), None
    home.mkdir(parents=True, exist_ok=True)
    if not named and not (home / SETTINGS).exists():
        (home / SETTINGS).write_text(packaged_settings(), "utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _is_history_of(home: Path, root: str, named: bool) -> bool:
    clone = repository()
    own = os.environ.get(ROOT_VARIABLE) if named else None
    if not own and clone is not None and home.resolve() == clone:
        own = str(clone / "data")
    return not own or root == root_uri(own)


def _folder_name(root: str) -> str:
    """The last part of a root, readable, and what makes it unique."""
    last = re.sub(r"[^\w.-]", "_", root.rpartition("/")[2], flags=re.ASCII)
    return f"{last}-{hashlib.sha256(root.encode()).hexdigest()[:8]}"


def packaged_settings() -> str:
    """The text of the instance settings that the package brings; the repository's own."""
    return (resources.files("segment1b_assets") / "instance" / SETTINGS).read_text("utf-8")


def _state_folder() -> Path:
    # The XDG base directory specification: a relative path there is to be ignored.
    named = Path(os.environ.get("XDG_STATE_HOME") or "")
    base = named if named.is_absolute() else Path.home() / ".local" / "state"
    return base / "segment1b"
