"""The five policy files that a reference world starts with (contract §3)."""

from __future__ import annotations

from pathlib import Path

from segment1b_assets.contracts.starting_files import starting_policies

#: What `world --plain` writes instead.
_PLAIN = {
    "policy.s4.alloc_plan": """\
policy_version: "1.0.0"
enabled: false
""",
    "policy.s6.jitter": """\
policy_version: "1.0.0"
mode: uniform_v1
max_attempts: 4096  # a tenth-of-a-degree cell on a coast can be mostly sea; 64 is the default
""",
}


def write_policies(folder: Path, *, plain: bool = False) -> None:
    """policy.<name>.yaml for each of the five; `plain` gives the default methods of S4 and S6."""
    folder.mkdir(parents=True)
    chosen = starting_policies()
    if plain:
        chosen |= {name: text.encode("utf-8") for name, text in _PLAIN.items()}
    for name, content in chosen.items():
        (folder / f"{name}.yaml").write_bytes(content)
