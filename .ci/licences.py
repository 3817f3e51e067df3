"""Writes docs/licences.md from the metadata of what is installed; status 1 if one is not allowed.

    python .ci/licences.py > docs/licences.md

Every extra and group of the lock must be installed (`uv sync --all-extras --all-groups`).
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0",
    "MIT-CMU", "PSF-2.0", "Zlib",
}  # fmt: skip
#: Licences that bind changes of the package itself, and why we may use it all the same.
WEAK = {
    "certifi": "MPL-2.0 binds changes of its own files, and we change none",
    "hypothesis": "MPL-2.0 binds changes of its own files; used by tests only",
    "pathspec": "MPL-2.0 binds changes of its own files; used by mypy and mkdocs only",
    "psycopg2-binary": "LGPL with exceptions, imported unchanged; only with the extra `postgres`",
    "tqdm": "MPL-2.0 binds changes of its own files, and we change none",
}
#: What metadata say in words -> SPDX. `BSD` is one of the BSD licences, they do not say which.
IN_WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD",
    "BSD 3-Clause OR Apache-2.0": "BSD-3-Clause",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "LGPL with exceptions": "LGPL",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "PSFL": "PSF-2.0",
    "New BSD": "BSD-3-Clause",
    "Python Software Foundation License": "PSF-2.0",
}
#: Packages whose metadata say nothing, by the text of the licence file that they bring.
IN_THE_FILE = {"atheris": "Apache-2.0"}
Packages = dict[str, dict[str, Any]]

HEAD = """\
# Licences

Our code is Apache-2.0, the embedded data are Natural Earth (public domain) and GeoNames (CC-BY 4.0;
`data/README.md`). This page lists what `uv.lock` brings: written by `.ci/licences.py` from the
packages' own metadata; a test holds it against the lock and refuses a licence that is neither
permissive nor excepted below.

Nothing of it is in this repository or in our wheel: whoever installs gets each package from its own
source, under its own licence. The table does not show native libraries inside wheels: rasterio and
shapely bundle GEOS (LGPL-2.1), and numpy, pillow, pyarrow and psycopg2-binary bundle others. Who
ships an image with them inside ships those too, and owes what their licences ask.
"""


def wanted(packages: Packages) -> dict[str, str]:
    """Package -> the first of run, extra, development that needs it."""
    root = next(p for p in packages.values() if "registry" not in p["source"])
    starts = {
        "run": root["dependencies"],
        "extra": [d for ds in root["optional-dependencies"].values() for d in ds],
        "development": [d for ds in root["dev-dependencies"].values() for d in ds],
    }
    found: dict[str, str] = {}
    for kind, todo in starts.items():
        names = [(d["name"], tuple(d.get("extra", ()))) for d in todo]
        while names:
            name, extras = names.pop()
            package = packages[name]
            more = [d for e in extras for d in package.get("optional-dependencies", {}).get(e, [])]
            if name not in found:
                found[name] = kind
                more += package.get("dependencies", [])
            names += [(d["name"], tuple(d.get("extra", ()))) for d in more]
    return found


def licence_of(name: str) -> str:
    """The SPDX expression that the metadata give, or their words for it."""
    if name in IN_THE_FILE:
        return IN_THE_FILE[name]
    said = metadata.metadata(name)
    if "License-Expression" in said:
        return said["License-Expression"]
    classified = [
        c.rsplit(" :: ", 1)[1]
        for c in said.get_all("Classifier", [])
        if c.startswith("License :: OSI Approved ::")
    ]
    text = (said.get_all("License") or [""])[0]
    # Some put the whole text there, or nothing that says anything.
    spoken = text if "\n" not in text and text not in ("", "UNKNOWN", "Dual License") else ""
    if spoken:
        return IN_WORDS.get(spoken, spoken)
    return " OR ".join(IN_WORDS.get(c, c) for c in classified) or "unknown"


def main() -> int:
    """Print the page."""
    lock = tomllib.loads((Path(__file__).parents[1] / "uv.lock").read_text("utf-8"))
    packages: Packages = {p["name"]: p for p in lock["package"]}
    needed = wanted(packages)
    installed = {
        d.name.lower().replace("_", "-").replace(".", "-") for d in metadata.distributions()
    }
    rows, absent, refused = [], [], []
    for name in sorted(needed):
        version = packages[name]["version"]
        if name not in installed:
            absent.append(name)
            continue
        licence = licence_of(name)
        # Every licence of an expression, even where one of several would do.
        parts = set(re.split(r"[\s()]+", licence)) - {"AND", "OR", ""}
        if not parts <= PERMISSIVE and name not in WEAK:
            refused.append(f"{name} {version}: {licence}")
        rows.append(f"| {name} | {version} | {licence} | {needed[name]} |")
    print(HEAD)
    print("| package | version | licence | for |\n|---|---|---|---|")
    print("\n".join(rows))
    print("\n## Not permissive, and why it may stay\n")
    print("\n".join(f"- **{name}**: {why}." for name, why in sorted(WEAK.items())))
    print("\n## Not looked at\n")
    print(f"Locked for Windows, where this is not run, and so not installed: {', '.join(absent)}.")
    for line in refused:
        print(
            f"licences: {line} is not on the allow list of {Path(__file__).name}", file=sys.stderr
        )
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
