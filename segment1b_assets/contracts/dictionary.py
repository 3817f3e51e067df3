"""The dataset dictionary: dataset id -> path, tokens and governance (contract §2)."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

import yaml

_TOKEN_FORM = {
    "country": re.compile(r"[A-Z]{2}"),
    "seed": re.compile(r"[0-9]{1,20}"),
    "manifest_fingerprint": re.compile(r"[0-9a-f]{64}"),
    "parameter_hash": re.compile(r"[0-9a-f]{64}"),
    "run_id": re.compile(r"[0-9a-f]{32}"),
    "state": re.compile(r"S[0-9]"),
    "countries": re.compile(r"all|[A-Z]{2}(?:-[A-Z]{2}){0,39}|[0-9]{1,3}-[0-9a-f]{12}"),
    "dagster_run": re.compile(r"[0-9a-zA-Z-]+"),
    "receipt": re.compile(r"[0-9a-f]{16}"),
    "when": re.compile(r"[0-9TZ.]+"),
    "dataset": re.compile(r"[0-9A-Za-z_.-]+"),
}


@dataclass(frozen=True)
class Dataset:
    """One entry: a dataset's path, description and retention."""

    id: str
    path: str
    format: str
    licence: str
    retention_days: int
    sort: tuple[str, ...]
    version: str | None

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Names of the tokens in the path, in order."""
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.path) if name)

    @property
    def glob(self) -> str:
        """The path with a star for each token, relative to the root."""
        return re.sub(r"\{[a-z_]+\}", "*", self.path)

    def match(self, relative: str) -> dict[str, str] | None:
        """The tokens of a path of this entry, or None for another path."""
        pattern = "".join(
            re.escape(text) + (f"(?P<{name}>{_TOKEN_FORM[name].pattern})" if name else "")
            for text, name, _, _ in string.Formatter().parse(self.path)
        )
        found = re.fullmatch(pattern, relative)
        return None if found is None else found.groupdict()

    def resolve(self, **tokens: object) -> PurePosixPath:
        """The path relative to the root.

        Raises:
            ValueError: a token is missing or not of its form; so no token can lead out of the
                data root.
        """
        values = {}
        for name in self.tokens:
            value = str(tokens.get(name, ""))
            if not _TOKEN_FORM[name].fullmatch(value):
                raise ValueError(f"{self.id}: token {name}={value!r} is not of its form")
            values[name] = value
        return PurePosixPath(self.path.format(**values))


@cache
def dictionary() -> dict[str, Dataset]:
    """All datasets by id, in the order of the file."""
    text = resources.files(__package__).joinpath("dictionary.yaml").read_text("utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    entries = {}
    for dataset_id, entry in document["datasets"].items():
        merged = {**document["defaults"], **entry}
        entries[dataset_id] = Dataset(
            id=dataset_id,
            path=merged["path"],
            format=merged["format"],
            licence=merged["licence"],
            retention_days=merged["retention_days"],
            sort=tuple(merged.get("sort", ())),
            version=merged.get("version"),
        )
    return entries


def asset_name(dataset: str) -> str:
    """A dataset's asset key: Dagster's names hold no dots."""
    return dataset.replace(".", "_")
