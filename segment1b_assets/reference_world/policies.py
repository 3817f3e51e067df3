"""The five policy files that a reference world starts with (contract §3)."""

from __future__ import annotations

from pathlib import Path

_POLICIES = {
    "s1.tile_index": """\
policy_version: "1.0.0"
inclusion_rule: center  # center | any_overlap
""",
    "s2.tile_weights": """\
policy_version: "1.0.0"
basis: population  # uniform | area_m2 | population
dp: 12  # weights are integers that sum to 10^dp; 0 to 18
""",
    "s3.requirements": """\
policy_version: "1.0.0"
enabled: false
denylist_country_iso: []
""",
    "s4.alloc_plan": """\
policy_version: "1.0.0"
enabled: false
""",
    "s6.jitter": """\
policy_version: "1.0.0"
mode: uniform_v1
max_attempts: 4096  # a tenth-of-a-degree cell on a coast can be mostly sea; 64 is the default
""",
}


def write_policies(folder: Path) -> None:
    """policy.<name>.yaml for each of the five."""
    folder.mkdir(parents=True)
    for name, text in _POLICIES.items():
        (folder / f"policy.{name}.yaml").write_bytes(text.encode("utf-8"))
