"""The five policies, spoiled."""

from __future__ import annotations

from collections.abc import Callable

from segment1b_assets_tests.hostile import files
from segment1b_assets_tests.hostile.cases import EVERYBODY, Case, Oddity
from segment1b_assets_tests.hostile.laboratory import Lab
from segment1b_assets_tests.oracle.layout import POLICIES

Spoil = Callable[[Lab], object]
V = 'policy_version: "1.0.0"\n'


def written(policy: str, text: str | bytes) -> Spoil:
    raw = text.encode() if isinstance(text, str) else text
    return lambda lab: lab.policy(policy).write_bytes(raw)


def damaged(policy: str, damage: Callable[..., object]) -> Spoil:
    return lambda lab: damage(lab.policy(policy))


def _bad(policy: str, name: str, text: str | bytes, *says: str) -> Case:
    return _case(policy, name, written(policy, text), *says)


def _case(policy: str, name: str, spoil: Spoil, *says: str, code: str = "E_POLICY_INVALID") -> Case:
    return Case(
        f"policy {policy}: {name}",
        spoil,
        ("S1",),
        code,
        EVERYBODY,
        says=(f"policy.{policy}.yaml", *says),
    )


_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

CASES = [
    *(_case(p, "missing", damaged(p, files.missing), code="E_INPUT_MISSING") for p in POLICIES),
    *(
        _case("s2.tile_weights", what, damaged("s2.tile_weights", how))
        for what, how in files.UNREADABLE.items()
        if what not in ("cut in half", "last byte gone")
    ),
    *(_bad(p, "unknown key", V + "surprise: 1\n", "surprise") for p in POLICIES),
    _bad("s1.tile_index", "no version", "inclusion_rule: center\n", "policy_version"),
    _bad("s1.tile_index", "version is a list", "policy_version: [1]\n", "policy_version"),
    _bad("s1.tile_index", "unknown rule", V + "inclusion_rule: touches\n", "touches"),
    _bad("s1.tile_index", "rule in capitals", V + "inclusion_rule: CENTER\n", "CENTER"),
    _bad("s1.tile_index", "rule null", V + "inclusion_rule:\n", "inclusion_rule"),
    _bad("s2.tile_weights", "dp 19", V + "dp: 19\n", "dp", "19"),
    _bad("s2.tile_weights", "dp -1", V + "dp: -1\n", "-1"),
    _bad("s2.tile_weights", "dp as text", V + 'dp: "12"\n', "dp"),
    _bad("s2.tile_weights", "dp as float", V + "dp: 12.0\n", "dp"),
    *(
        _bad("s2.tile_weights", f"dp as {name}", V + f"dp: {value}\n", "is not plain YAML")
        for name, value in {
            "a whole number without digits": "!!int _",
            "an empty float": "!!float ''",
            "a truth that is none": "!!bool maybe",
            "a day that is none": "!!timestamp soon",
            "sixtieths without end": ":".join(["1"] * 400) + ".5",
        }.items()
    ),
    _bad("s2.tile_weights", "dp true", V + "dp: true\n", "dp"),
    _bad("s2.tile_weights", "dp NaN", V + "dp: .nan\n", "dp"),
    _bad("s2.tile_weights", "dp of a thousand digits", V + f"dp: {'9' * 1000}\n", "dp"),
    _bad("s2.tile_weights", "dp of thirty thousand digits", V + f"dp: {'9' * 30000}\n"),
    _bad("s2.tile_weights", "dp in base 60", V + "dp: 1:2\n", "dp"),
    _bad("s2.tile_weights", "unknown basis", V + "basis: gold\n", "gold"),
    _bad("s2.tile_weights", "basis is a mapping", V + "basis: {population: 1}\n", "basis"),
    _bad("s3.requirements", "enabled is yes", V + "enabled: yes\n", "enabled"),
    _bad("s3.requirements", "enabled is 1", V + "enabled: 1\n", "enabled"),
    _bad("s3.requirements", "lower-case country", V + "denylist_country_iso: [fk]\n", "fk"),
    _bad(
        "s3.requirements",
        "country with a line feed",
        V + 'denylist_country_iso: ["FK\\n"]\n',
        "denylist_country_iso",
    ),
    _bad("s3.requirements", "country is false", V + "denylist_country_iso: [false]\n"),
    _bad("s3.requirements", "denylist is text", V + "denylist_country_iso: FK\n"),
    _bad("s3.requirements", "denylist is a mapping", V + "denylist_country_iso: {FK: 1}\n"),
    _bad("s4.alloc_plan", "enabled is null", V + "enabled: null\n", "enabled"),
    _bad("s6.jitter", "unknown mode", V + "mode: normal\n", "normal"),
    _bad("s6.jitter", "max_attempts 0", V + "max_attempts: 0\n", "max_attempts", "0"),
    _bad("s6.jitter", "max_attempts 65537", V + "max_attempts: 65537\n", "65537"),
    _bad("s6.jitter", "max_attempts infinite", V + "max_attempts: .inf\n", "max_attempts"),
    _bad("s6.jitter", "a thousand million laughs", _LAUGHS + V, "alias"),
    _bad("s6.jitter", "an alias", "x: &x 1\n" + V + "max_attempts: *x\n", "alias"),
    _bad("s6.jitter", "a merge key", "<<: {max_attempts: 5}\n" + V),
    _bad("s6.jitter", "a python object", V + "mode: !!python/object/apply:os.system [true]\n"),
    _bad("s6.jitter", "a python name", V + "mode: !!python/name:os.system\n"),
    _bad("s6.jitter", "an unknown tag", V + "mode: !mine uniform_v1\n"),
    _bad("s6.jitter", "a key twice", V + "max_attempts: 5\nmax_attempts: 6\n", "twice"),
    _bad("s6.jitter", "a list as key", V + "[1, 2]: 3\n"),
    _bad("s6.jitter", "a number as key", V + "7: 3\n"),
    _bad("s6.jitter", "a null as key", V + "~: 3\n"),
    _bad("s6.jitter", "binary", V + "mode: !!binary dW5pZm9ybV92MQ==\n"),
    _bad("s6.jitter", "a date", V + "mode: 2024-01-01\n"),
    _bad("s6.jitter", "a date of February 31st", V + "mode: 2024-02-31\n"),
    _bad("s6.jitter", "a set", "!!set {policy_version, mode}\n"),
    _bad("s6.jitter", "two documents", V + "---\n" + V, "document"),
    _bad("s6.jitter", "empty document", "---\n", "mapping"),
    _bad("s6.jitter", "comments only", "# nothing\n", "mapping"),
    _bad("s6.jitter", "a list", "- policy_version\n", "mapping"),
    _bad("s6.jitter", "text", "uniform_v1\n", "mapping"),
    _bad("s6.jitter", "tabs", V + "\tmode: uniform_v1\n"),
    _bad("s6.jitter", "unclosed", V + "mode: [\n"),
    _bad("s6.jitter", "very deep", V + "mode: " + "[" * 30_000 + "\n"),
    _bad("s6.jitter", "very deep and closed", V + "mode: " + "[" * 5000 + "]" * 5000 + "\n"),
    _bad("s6.jitter", "many keys", V + "".join(f"k{i}: 1\n" for i in range(7000))),
    _bad("s6.jitter", "larger than 64 KiB", V + "#" * (65 << 10), "larger"),
    _bad("s6.jitter", "no UTF-8", b"policy_version: \xff\xfe\n"),
    _bad("s6.jitter", "UTF-16", V.encode("utf-16")),
    _bad("s6.jitter", "a null byte", V + "mode: uniform\0_v1\n"),
    _bad("s6.jitter", "JSON with NaN", '{"policy_version": "1", "max_attempts": NaN}'),
]

ODDITIES = [
    Oddity(
        "policy s3.requirements: NO is Norway",
        written("s3.requirements", V + "enabled: true\ndenylist_country_iso: [NO, ON]\n"),
        ("S1",),
    ),
    Oddity(
        "policy s6.jitter: JSON is YAML too",
        written("s6.jitter", '{"policy_version": "1", "max_attempts": 65536}'),
        ("S1",),
    ),
    Oddity(
        "policy s2.tile_weights: Windows line ends and a byte order mark",
        written("s2.tile_weights", "\ufeffpolicy_version: '1'\r\nbasis: population\r\ndp: 6\r\n"),
        ("S1", "S2"),
    ),
]
