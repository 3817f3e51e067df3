"""Where everything lies under a root: contract §2, spelled out a second time."""

from __future__ import annotations

from pathlib import Path

POLICIES = ("s1.tile_index", "s2.tile_weights", "s3.requirements", "s4.alloc_plan", "s6.jitter")
PER_PARAMETERS = ("tile_index", "tile_bounds", "tile_weights")
PER_RUN = (
    "s3_requirements",
    "s4_alloc_plan",
    "s5_site_tile_assignment",
    "s6_site_jitter",
    "s7_site_synthesis",
)
STATE_OF = {
    "tile_index": "s1",
    "tile_bounds": "s1",
    "tile_weights": "s2",
    "s3_requirements": "s3",
    "s4_alloc_plan": "s4",
    "s5_site_tile_assignment": "s5",
    "s6_site_jitter": "s6",
    "s7_site_synthesis": "s7",
    "site_locations": "s8",
}
FAMILIES = {"site_tile_plan": "s4", "site_tile_assign": "s5", "in_cell_jitter": "s6"}
LAYER = "layer1/1B"


def iso_path(root: Path) -> Path:
    """The ISO list."""
    return root / "reference/iso/iso3166_canonical/2024-12-31/iso3166.parquet"


def polygons_path(root: Path) -> Path:
    """The country polygons."""
    return root / "reference/spatial/world_countries/2024/world_countries.parquet"


def raster_path(root: Path) -> Path:
    """The population raster."""
    return root / "reference/spatial/population/2025/population.tif"


def policy_path(root: Path, policy: str) -> Path:
    """One policy file; ``policy`` is one of POLICIES."""
    return root / f"config/layer1/1B/policy/policy.{policy}.yaml"


def parameter_files(root: Path) -> list[Path]:
    """The six files that parameter_hash covers: the policies and the raster."""
    return [policy_path(root, name) for name in POLICIES] + [raster_path(root)]


def sealed_files(root: Path) -> list[Path]:
    """The references and policies that S0 seals; the catalogue and 1A's bundle are folders."""
    return [*parameter_files(root), iso_path(root), polygons_path(root)]


def catalogue_home(root: Path) -> Path:
    """The folder of all outlet catalogues."""
    return root / "layer1/1A/outlet_catalogue"


def catalogue_dir(root: Path, seed: int, fp: str) -> Path:
    """One outlet catalogue."""
    return catalogue_home(root) / f"seed={seed}" / f"manifest_fingerprint={fp}"


def bundle_1a(root: Path, fp: str) -> Path:
    """The validation bundle of the 1A run."""
    return root / f"layer1/1A/validation/manifest_fingerprint={fp}"


def bundle_1b(root: Path, fp: str) -> Path:
    """The validation bundle of segment 1B."""
    return root / f"{LAYER}/validation/manifest_fingerprint={fp}"


def receipt_path(root: Path, fp: str) -> Path:
    """S0's gate receipt."""
    return root / f"{LAYER}/s0_gate_receipt/manifest_fingerprint={fp}/s0_gate_receipt.json"


def sealed_path(root: Path, fp: str) -> Path:
    """S0's list of sealed inputs."""
    return root / f"{LAYER}/sealed_inputs/manifest_fingerprint={fp}/sealed_inputs_1B.json"


def dataset_tokens(dataset: str, seed: int, fp: str, ph: str) -> dict[str, str]:
    """The tokens of a dataset's path, in path order."""
    if dataset in PER_PARAMETERS:
        return {"parameter_hash": ph}
    if dataset in PER_RUN:
        return {"seed": str(seed), "parameter_hash": ph, "manifest_fingerprint": fp}
    return {"seed": str(seed), "manifest_fingerprint": fp}


def partition_dir(root: Path, dataset: str, seed: int, fp: str, ph: str, iso: str) -> Path:
    """A country's partition of one of the eight partitioned datasets' nine tables."""
    path = root / LAYER / dataset
    for name, value in dataset_tokens(dataset, seed, fp, ph).items():
        path /= f"{name}={value}"
    return path / f"country={iso}"


def report_path(root: Path, state: str, seed: int, fp: str, ph: str, iso: str) -> Path:
    """A country's run report of state s1 to s8."""
    dataset = next(name for name, owner in STATE_OF.items() if owner == state)
    path = root / f"reports/layer1/1B/state={state.upper()}"
    for name, value in dataset_tokens(dataset, seed, fp, ph).items():
        path /= f"{name}={value}"
    kind = "run_summary" if state in ("s7", "s8") else "run_report"
    return path / f"country={iso}" / f"{state}_{kind}.json"


def log_tail(seed: int, ph: str, run_id: str) -> str:
    """The tokens that every RNG log's folder ends with."""
    return f"seed={seed}/parameter_hash={ph}/run_id={run_id}"


def events_dir(root: Path, family: str, seed: int, ph: str, run_id: str) -> Path:
    """The folder of one event family's parts."""
    return root / "logs" / LAYER / "rng/events" / family / log_tail(seed, ph, run_id)


def trace_dir(root: Path, seed: int, ph: str, run_id: str) -> Path:
    """The folder of the trace log's parts."""
    return root / "logs" / LAYER / "rng/trace" / log_tail(seed, ph, run_id)


def audit_path(root: Path, seed: int, ph: str, run_id: str) -> Path:
    """The audit log."""
    folder = root / "logs" / LAYER / "rng/audit" / log_tail(seed, ph, run_id)
    return folder / "rng_audit_log.jsonl"
