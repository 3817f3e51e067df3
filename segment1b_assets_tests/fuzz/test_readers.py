"""Some thousands of mutations of good input: no reader fails in a way that has no name."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from segment1b_assets_tests.fuzz.readers import READERS, Reader, survives
from segment1b_assets_tests.hypothesis_profiles import examples

#: For each of the readers; by night more.
EXAMPLES = int(os.environ.get("SEGMENT1B_FUZZ_EXAMPLES", "400"))
#: Of the round that is guided by coverage, over all readers together; by night more.
SECONDS = int(os.environ.get("SEGMENT1B_FUZZ_SECONDS", "10"))
#: Byte strings that mean something to one parser or another.
WORDS = [
    b"", b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"..", b"/",
    b"\\", b"[", b"{", b"]", b'"', b"&a ", b"*a", b"!!python/object:os.system", b"!!int ",
    b"!!float ", b"!!bool ", b"!!timestamp ", b"_", b"''", b"1:1",
    b"\n", b": ",
    b"- ", b"PAR1", b"null", b"NaN", b"1e999", b"-1", b"\xed\xa0\x80", b"\xe2\x80\xae", b"<<: ",
    b"0x1F", b"0o17", b"2024-01-01", b"\0\0\0\0\0\0\xf8\x7f", b"\0\0\0\0\0\0\xf0\x7f",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, reader: Reader) -> bytes:
    """A good input after up to five cuts, overwritings and insertions."""
    raw = bytearray(draw(st.sampled_from(list(reader.seeds))))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(raw)))
        what = draw(st.sampled_from(("overwrite", "insert", "delete", "repeat", "cut", "flip")))
        word = draw(st.sampled_from(WORDS) | st.binary(min_size=1, max_size=8))
        if what == "overwrite":
            raw[at : at + len(word)] = word
        elif what == "insert":
            raw[at:at] = word
        elif what == "delete":
            del raw[at : at + draw(st.integers(1, 40))]
        elif what == "repeat":
            raw[at:at] = raw[at : at + 40] * draw(st.integers(1, 20))
        elif what == "cut":
            del raw[at:]
        elif at < len(raw):
            raw[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(raw)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_a_reader_takes_its_seeds(reader: Reader, tmp_path: Path) -> None:
    taken = [survives(reader, tmp_path, seed) for seed in reader.seeds]
    # The flags of these bundles are zeros, so their seeds are refused at the very end.
    assert all(taken) is (reader.name not in ("bundle index", "flag"))


@pytest.mark.hypothesis
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_any_bytes_are_taken_or_refused_by_name(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    outcomes = {True: 0, False: 0}

    @examples(EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(mutated(reader))
    def tries(raw: bytes) -> None:
        outcomes[survives(reader, folder, raw)] += 1

    tries()
    assert outcomes[False] > 0


@pytest.mark.nightly
@pytest.mark.timeout(6 * 3600)
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this machine"
)
def test_fuzzing_guided_by_coverage_loses_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.fuzz_readers", "--together"),
            *("--seconds", str(SECONDS), "--keep", str(tmp_path)),
        ],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    name, tries, taken, refused, lost = done.stdout.splitlines()[-1].replace(",", "").split()
    print(done.stdout)
    assert (name, int(lost)) == ("together", 0)
    assert int(tries) == int(taken) + int(refused)
    assert min(int(taken), int(refused)) > 0
