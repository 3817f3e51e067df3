"""Runs sent to the queue of a running web UI, through Dagster's own GraphQL client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.run_tags import BY_TAG, EVENTS_PER_COUNTRY, partition_tags
from segment1b_assets.storage.run_inputs import RunInputs

#: S0 to S8 for the countries of the run (`automation.jobs`).
JOB = "countries"
_SECONDS = 120


def send_runs(
    url: str, inputs: RunInputs, groups: Sequence[Sequence[str]], again: str
) -> Iterator[str]:
    """Send one run for each group of countries, in order; yields the id of each.

    Each run's config names the root. So a web UI whose history is of another root refuses the
    first run, and nothing else is sent.

    Args:
        url: of the web UI, without a slash at its end.
        groups: countries in alphabetical order.
        again: the command that sends what is left, up to its countries.

    Raises:
        Segment1BError: E_IO where the web UI does not answer or refuses a run; the next step sends
            the runs that are left.
    """
    from dagster import DagsterRunStatus
    from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

    scheme, _, place = url.partition("://")
    client = DagsterGraphQLClient(place, use_https=scheme == "https", timeout=_SECONDS)
    for position, countries in enumerate(groups):
        left = groups[position:]
        codes = ",".join(sorted(code for group in left for code in group))
        command = f"{again} --runs {len(left)} --countries {codes}"
        try:
            run = client.submit_job_execution(
                JOB,
                run_config=_config(inputs),
                tags={
                    **partition_tags(countries), **EVENTS_PER_COUNTRY, BY_TAG: "launch",
                },
            )  # fmt: skip
            refused = client.get_run_status(run) == DagsterRunStatus.CANCELED
        except DagsterGraphQLClientError as err:
            raise Segment1BError(
                "E_IO",
                f"run {position + 1} of {len(groups)} could not be sent: {_reason(err)}",
                file=url,
                next_step="start the web UI of this root (segment1b ui, or dagster-webserver and "
                f"dagster-daemon, docs/machines.md), then: {command}",
            ) from err
        if refused:
            raise Segment1BError(
                "E_IO", "the web UI refused the run, and nothing of it was made", file=url,
                value=run,
                next_step=f"read why on {url}/runs/{run}; of another root's web UI give the --url, "
                f"then: {command}",
            )  # fmt: skip
        yield run


def _config(inputs: RunInputs) -> dict[str, Any]:
    """The run's config: the root, and the 1A run where the command line names one."""
    options = inputs.options
    resource = {
        "root": inputs.root.uri,
        "seed": "" if options.seed is None else str(options.seed),
        "manifest_fingerprint": options.manifest_fingerprint or "",
    }
    return {"resources": {"segment1b": {"config": resource}}}


def _reason(err: Exception) -> str:
    """In one line. The client's own text of a failed request repeats the whole request."""
    if err.__cause__ is not None:
        return f"the web UI does not answer as one ({type(err.__cause__).__name__})"
    return "the web UI answers " + ": ".join(str(part) for part in err.args).strip()
