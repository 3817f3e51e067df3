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
policy_version: "2.0.0"
enabled: true  # false is the plain law: each merchant's sites go to the heaviest tiles
mode: population_arc_v1
reach:  # how much of the country a chain spreads over, by its sites; beyond 999 all of it
  - {n_max: 2, power: 3}
  - {n_max: 9, power: 2}
  - {n_max: 999, power: 1, min_ppm: 20000}
""",
    "s6.jitter": """\
policy_version: "2.0.0"
mode: uniform_v2  # uniform_v1 draws in the whole cell, and more often in vain
max_attempts: 4096  # a tenth-of-a-degree cell on a coast can be mostly sea; 64 is the default
""",
}
#: What `world --plain` writes instead.
_PLAIN = {
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


def write_policies(folder: Path, *, plain: bool = False) -> None:
    """policy.<name>.yaml for each of the five; `plain` gives the default methods of S4 and S6."""
    folder.mkdir(parents=True)
    for name, text in {**_POLICIES, **(_PLAIN if plain else {})}.items():
        (folder / f"policy.{name}.yaml").write_bytes(text.encode("utf-8"))
