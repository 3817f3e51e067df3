"""Run inputs: one data root with its inputs read, checked and named.

Inputs are read once and kept while the files do not change. A country's own inputs (its polygon,
its outlets) are returned one country at a time. The libraries of rasters and polygons take a second
to import, so they are imported when a grid or a polygon is first read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segment1b_assets.contracts import identity as tokens
from segment1b_assets.contracts.dictionary import dictionary
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.identity import Identity
from segment1b_assets.contracts.input_files import require_file
from segment1b_assets.contracts.policies import POLICY_MODELS, load_policy
from segment1b_assets.core.stream import BATCH_ROWS
from segment1b_assets.storage.bundle import verify_flag
from segment1b_assets.storage.bytes_read import tally
from segment1b_assets.storage.catalogue import OutletCatalogue, Outlets, read_outlet_catalogue
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.digest_memory import computed_sha256, remembered_sha256
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.find_identity import find_outlet_run
from segment1b_assets.storage.gate import Receipt, require_receipt, require_sealed
from segment1b_assets.storage.lineage_cache import LineageCache
from segment1b_assets.storage.open_root import open_root
from segment1b_assets.storage.references import (
    CountryShapes,
    IsoList,
    read_country_shapes,
    read_iso_list,
)

if TYPE_CHECKING:
    from segment1b_assets.core.eligibility import Eligibility
    from segment1b_assets.core.grid import Grid
    from segment1b_assets.core.polygon import CountryPolygon

REFERENCES = ("iso3166_canonical_2024", "world_countries", "population_raster_2025")


@dataclass(frozen=True)
class RunOptions:
    """What a user chooses.

    Attributes:
        root: a folder or a URL.
        seed, manifest_fingerprint: the 1A run; None finds the only one.
        batch_rows: rows of one batch in memory.
        repair: replace what was damaged after it was published, where a run meets it.
    """

    root: Path | str
    seed: int | None = None
    manifest_fingerprint: str | None = None
    batch_rows: int = BATCH_ROWS
    repair: bool = False


class RunInputs:
    """The inputs of a data root; every property raises `Segment1BError` on bad input."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.root = open_root(options.root)
        self._lineage = LineageCache()
        self._polygon_digests: dict[str, str] = {}
        self._remembered: set[str] = set()
        # A run asks for each path a dozen times.
        self._paths: dict[tuple[str, str | None], Path] = {}

    @cached_property
    def iso_list(self) -> IsoList:
        return read_iso_list(self._input("iso3166_canonical_2024"))

    @property
    def iso_names(self) -> dict[str, str]:
        """country_iso -> name of the ISO list."""
        return self.iso_list.names

    @cached_property
    def policies(self) -> Mapping[str, Any]:
        """Policy id -> its validated model."""
        return {name: load_policy(name, self._input(name)) for name in POLICY_MODELS}

    @cached_property
    def grid(self) -> Grid:
        """The raster's grid."""
        from segment1b_assets.storage.raster_header import read_grid

        return read_grid(self._input("population_raster_2025"))

    @cached_property
    def shapes(self) -> CountryShapes:
        return read_country_shapes(self._input("world_countries"), frozenset(self.iso_names))

    @cached_property
    def input_digests(self) -> dict[str, bytes]:
        """Dataset id -> SHA-256 of each reference and policy file.

        Of a large file that is unchanged since an earlier process hashed it, the digest that was
        remembered (`storage.digest_memory`), until `hash_inputs_anew` is called.
        """
        digests = {}
        for name in (*POLICY_MODELS, *REFERENCES):
            path = self._input(name)
            unreadable = "E_POLICY_INVALID" if name in POLICY_MODELS else "E_INPUT_SCHEMA"
            require_file(path, missing="E_INPUT_MISSING", unreadable=unreadable, what=name)
            try:
                digests[name], remembered = remembered_sha256(self.root.path, path)
            except OSError as err:
                raise Segment1BError("E_IO", f"{name} cannot be read: {err}", file=path) from err
            if remembered:
                self._remembered.add(name)
        return digests

    def hash_inputs_anew(self) -> None:
        """Hash the inputs whose digests were only remembered: S0 and a deep verification do.

        Raises:
            Segment1BError: E_IO where a file's bytes have another digest than the remembered one,
                which is then forgotten. Whatever was made since then has a wrong parameter_hash.
        """
        held = self.input_digests
        for name in sorted(self._remembered):
            path = self._input(name)
            try:
                found = computed_sha256(self.root.path, path)
            except OSError as err:
                raise Segment1BError("E_IO", f"{name} cannot be read: {err}", file=path) from err
            if found != held[name]:
                _forget(self)
                raise Segment1BError(
                    "E_IO",
                    f"the bytes of {name} changed, and its size, inode and times did not",
                    file=path, value=found.hex(),
                    next_step="run again (the digest is taken anew), and retire what was made "
                    f"under parameter_hash {self.parameter_hash} since",
                )  # fmt: skip
            self._remembered.discard(name)

    def ingress_versions(self, names: Sequence[str]) -> dict[str, str]:
        """Reference or policy -> hex SHA-256 of its file, for the run report."""
        return {name: self.input_digests[name].hex() for name in names}

    def _input(self, name: str) -> Path:
        """A reference or policy file, fetched to this machine."""
        return self.root.ensure_local(self.root.path_for(name))

    @cached_property
    def parameter_hash(self) -> str:
        """The hash of what decides all countries: the policies and the raster (contract §1)."""
        return tokens.parameter_hash(
            {
                self.root.path_for(name).name: self.input_digests[name]
                for name in (*POLICY_MODELS, "population_raster_2025")
            }
        )

    def polygon_sha256(self, country: str) -> str:
        """The digest of this country's geometry, 64 hex: it decides only this country (§1)."""
        # Asked for at every look at a partition; a polygon can have megabytes.
        if country not in self._polygon_digests:
            wkb = self.shapes.wkb.get(country)
            self._polygon_digests[country] = tokens.polygon_sha256(wkb)
        return self._polygon_digests[country]

    @cached_property
    def outlet_run(self) -> tuple[int, str]:
        """(seed, manifest_fingerprint) of the 1A run."""
        return find_outlet_run(self.root, self.options.seed, self.options.manifest_fingerprint)

    @cached_property
    def identity(self) -> Identity:
        seed, fingerprint = self.outlet_run
        return Identity(seed, fingerprint, self.parameter_hash)

    @cached_property
    def catalogue(self) -> OutletCatalogue:
        seed, fingerprint = self.outlet_run
        where = {"seed": seed, "manifest_fingerprint": fingerprint}
        return read_outlet_catalogue(
            self.root.path_for("outlet_catalogue", **where),
            self.root.part_files("outlet_catalogue", **where),
            fingerprint,
            frozenset(self.iso_names),
        )

    @cached_property
    def receipt(self) -> Receipt:
        """The valid S0 receipt, or E301_NO_PASS_FLAG; the sealed inputs match the current ones."""
        found = require_receipt(self.root, self.outlet_run[1])
        require_sealed(self.root, self.outlet_run[1], self.sealed_digests)
        return found

    @cached_property
    def sealed_digests(self) -> dict[str, str]:
        """Input -> hex digest of what S0 seals, as it is now; 1A's flag hash for its bundle."""
        found = {name: digest.hex() for name, digest in self.input_digests.items()}
        files = self.files_of_input("outlet_catalogue")
        if not files:
            raise Segment1BError(
                "E_INPUT_MISSING", "there is no outlet catalogue",
                file=self.path("outlet_catalogue"),
            )  # fmt: skip
        for path in files:
            require_file(
                path, missing="E_INPUT_MISSING", unreadable="E_INPUT_SCHEMA",
                what="a file of the outlet catalogue",
            )  # fmt: skip
        found["outlet_catalogue"] = receipt(self.path("outlet_catalogue"), files)
        found["validation_bundle_1A"] = verify_flag(self.ensure_local("validation_bundle_1A"))
        return found

    def require_country(self, country: str) -> None:
        """Raise E005_ISO_FK unless the country is on this root's ISO list."""
        if country not in self.iso_names:
            raise Segment1BError(
                "E005_ISO_FK", "is not on the ISO list", country=country,
                file=self.root.path_for("iso3166_canonical_2024"), value=country,
            )  # fmt: skip

    def polygon(self, country: str) -> CountryPolygon | None:
        """The country's polygon; None where the table has none, which is not an error."""
        from segment1b_assets.core.polygon import CountryPolygon

        self.require_country(country)
        if fault := self.shapes.faults.get(country):
            raise fault
        tally.add_whole("world_countries", [self._input("world_countries")])
        wkb = self.shapes.wkb.get(country)
        return None if wkb is None else CountryPolygon.from_wkb(country, wkb, self.shapes.file)

    def eligibility(self, country: str) -> Eligibility:
        """The country's cells by the policy's rule."""
        from segment1b_assets.core.eligibility import eligible_cells

        rule = self.policies["policy.s1.tile_index"].inclusion_rule
        return eligible_cells(self.polygon(country), self.grid, rule)

    def outlets(self, country: str) -> Outlets | None:
        """The country's outlets; None where it has none or the policy denies it."""
        self.require_country(country)
        if country in self.policies["policy.s3.requirements"].denied:
            return None
        if fault := self.catalogue.faults.get(country):
            raise fault
        tally.add_whole("outlet_catalogue", self.files_of_input("outlet_catalogue"))
        return self.catalogue.outlets.get(country)

    def demand(self, country: str) -> int:
        """Outlets of a country, a measure of its cost from S3 on."""
        found = self.catalogue.outlets.get(country)
        return 0 if found is None else len(found.merchant_id)

    def extent(self, country: str) -> int:
        """Bytes of the country's polygon, a measure of its cost in S1."""
        return len(self.shapes.wkb.get(country, b""))

    @property
    def demanded(self) -> list[str]:
        """Countries that need sites: those with outlets, less the denied, in code order."""
        denied = self.policies["policy.s3.requirements"].denied
        return [c for c in self.catalogue.outlets if c not in denied]

    def tokens(self, dataset: str, country: str | None = None) -> dict[str, str]:
        """The tokens of a dataset's path; reads 1A only if the path needs it."""
        needed = dictionary()[dataset].tokens
        found: dict[str, str] = {}
        if "parameter_hash" in needed:
            found["parameter_hash"] = self.parameter_hash
        if "seed" in needed or "manifest_fingerprint" in needed:
            seed, fingerprint = self.outlet_run
            found |= {"seed": str(seed), "manifest_fingerprint": fingerprint}
        if "run_id" in needed:
            found["run_id"] = self.identity.run_id
        if country is not None:
            found["country"] = country
        return {name: found[name] for name in needed if name in found}

    def path(self, dataset: str, country: str | None = None) -> Path:
        found = self._paths.get((dataset, country))
        if found is None:
            found = self.root.path_for(dataset, **self.tokens(dataset, country))
            self._paths[dataset, country] = found
        return found

    def ensure_local(self, dataset: str, country: str | None = None) -> Path:
        """The path, after fetching what it holds to this machine."""
        return self.root.ensure_local(self.path(dataset, country))

    def is_published(self, dataset: str, country: str) -> bool:
        """Whether a country's partition exists and is made from its current polygon."""
        return bool(self.files(dataset, country))

    def has_files(self, dataset: str, country: str) -> bool:
        """Whether a country's partition exists, stale or not."""
        return bool(self.part_files(dataset, country))

    def is_stale(self, dataset: str, country: str) -> bool:
        """Whether the published partition was made from another polygon (contract §2)."""
        found = self.part_files(dataset, country)
        return bool(found) and not self._is_current(found[0], country)

    def files(self, dataset: str, country: str) -> list[Path]:
        """A published partition's part files; empty where it is not published, or stale."""
        found = self.part_files(dataset, country)
        return found if found and self._is_current(found[0], country) else []

    def _is_current(self, path: Path, country: str) -> bool:
        made_from = self._lineage.of(path).get("polygon_sha256")
        # A file without readable metadata is damaged, not stale: its validators report it.
        return made_from is None or made_from == self.polygon_sha256(country)

    def part_files(self, dataset: str, country: str) -> list[Path]:
        """The part files at a partition's path, stale or not."""
        return self.root.parquet_files(self.path(dataset, country))

    def absence(self, dataset: str, country: str) -> str:
        """A sentence on why `files` is empty."""
        if self.is_stale(dataset, country):
            return f"{dataset} of this country is stale: its polygon has changed since"
        return f"{dataset} is not published for this country"

    def lineage(self, dataset: str, country: str) -> dict[str, str]:
        """The key-value metadata of a partition's parquet files (contract §2)."""
        found = self.tokens(dataset, country)
        found["polygon_sha256"] = self.polygon_sha256(country)
        if dataset == "site_locations":
            found["parameter_hash"] = self.parameter_hash
        return found

    def files_of_input(self, dataset: str) -> list[Path]:
        """The part files of an unpartitioned input."""
        return self.root.part_files(dataset, **self.tokens(dataset))

    def preload(self, *names: str) -> None:
        """Read the named properties on this thread, so that workers share them."""
        for name in names:
            getattr(self, name)


#: Roots whose inputs a long-lived process keeps, the last used.
KEPT_INPUTS = 4
_cache: OrderedDict[tuple[RunOptions, DataRoot], tuple[object, RunInputs]] = OrderedDict()
_cache_lock = threading.Lock()


def open_run_inputs(options: RunOptions) -> RunInputs:
    """The run inputs of these options, read again when one of the input files has changed."""
    root = open_root(options.root)
    options = replace(options, root=root.uri)  # in any spelling
    stamp = _stamp(root)
    with _cache_lock:
        held = _cache.get((options, root))
        if held is None or held[0] != stamp:
            held = _cache[options, root] = (stamp, RunInputs(options))
        _cache.move_to_end((options, root))
        while len(_cache) > KEPT_INPUTS:
            _cache.popitem(last=False)
        return held[1]


def _forget(inputs: RunInputs) -> None:
    """Let the next `open_run_inputs` of this root read it anew."""
    with _cache_lock:
        for key in [k for k, held in _cache.items() if held[1] is inputs]:
            del _cache[key]


def _stamp(root: DataRoot) -> object:
    paths = [root.path_for(name) for name in (*REFERENCES, *POLICY_MODELS)]
    for name in ("outlet_catalogue", "validation_bundle_1A", "s0_gate_receipt_1B"):
        paths += root.find_paths(name)
    return tuple((str(path), root.state_of(path)) for path in paths)
