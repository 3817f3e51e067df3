"""The ten states and the datasets that each one publishes (contract §4); the only such table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """One state.

    Attributes:
        id: "S0" to "S9".
        datasets: the dataset ids that it publishes; the first is the state's main one.
        logs: ids of its logs, published before its datasets; S4 draws only if its policy says so.
        by_country: whether its datasets are partitioned by country.
        reads: ids of the states whose datasets it reads.
    """

    id: str
    datasets: tuple[str, ...]
    logs: tuple[str, ...] = ()
    by_country: bool = True
    reads: tuple[str, ...] = ()

    @property
    def main(self) -> str:
        return self.datasets[0]


STATES: dict[str, State] = {
    state.id: state
    for state in (
        State("S0", ("s0_gate_receipt_1B",), by_country=False),
        State("S1", ("tile_index", "tile_bounds")),
        State("S2", ("tile_weights",), reads=("S1",)),
        State("S3", ("s3_requirements",), reads=("S2",)),
        State(
            "S4",
            ("s4_alloc_plan",),
            logs=("rng_events_site_tile_plan", "rng_trace_site_tile_plan"),
            reads=("S3", "S2"),
        ),
        State(
            "S5",
            ("s5_site_tile_assignment",),
            logs=("rng_events_site_tile_assign", "rng_trace_site_tile_assign"),
            reads=("S4",),
        ),
        State(
            "S6",
            ("s6_site_jitter",),
            logs=("rng_events_in_cell_jitter", "rng_trace_in_cell_jitter"),
            reads=("S5",),
        ),
        State("S7", ("s7_site_synthesis",), reads=("S6",)),
        State("S8", ("site_locations",), reads=("S7",)),
        State("S9", ("validation_bundle_1B",), by_country=False, reads=("S8",)),
    )
}
#: The states that are partitioned by country, S1 to S8, in order.
COUNTRY_STATES: tuple[State, ...] = tuple(s for s in STATES.values() if s.by_country)
#: Dataset id -> the id of the state that publishes it.
STATE_OF: dict[str, str] = {d: s.id for s in STATES.values() for d in s.datasets}
