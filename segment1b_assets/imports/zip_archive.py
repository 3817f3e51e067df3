"""The one file of a zip archive that an import reads."""

from __future__ import annotations

import zipfile
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError


def members(archive: zipfile.ZipFile, endings: tuple[str, ...]) -> list[str]:
    """The names in an archive that have one of the endings, ascending."""
    return sorted(n for n in archive.namelist() if n.lower().endswith(endings))


def inside_archive(
    path: Path, endings: tuple[str, ...], *, code: str, kind: str, next_step: str
) -> str:
    """GDAL's path of a zip archive's only readable member; of any other file its own path.

    Args:
        endings: of the members that can be read.
        code, next_step: of the error.
        kind: what such members are called, such as "GeoTIFFs".

    Raises:
        Segment1BError: `code` where it is no zip archive, or has no such member or several.
    """
    if path.suffix.lower() != ".zip":
        return str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = members(archive, endings)
    except zipfile.BadZipFile as err:
        raise Segment1BError(code, f"is no zip archive: {err}", file=path) from err
    if len(names) != 1:
        raise Segment1BError(
            code, f"holds {len(names)} {kind} where one is needed", file=path,
            value=", ".join(names[:8]) or None, next_step=next_step,
        )  # fmt: skip
    return f"/vsizip/{{{path.absolute()}}}/{names[0]}"
