"""``--json``: one JSON document on stdout and nothing else there (docs/guide/json.md)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from segment1b_assets.command_line.interruption import Interrupted
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.io_faults import io_error

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])
#: The largest integer up to which every reader of JSON holds each one exactly.
_EXACT = 1 << 53


def json_option(command: F) -> F:
    """Add ``--json``, which the command gets as `as_json`; errors become documents, too."""

    @wraps(command)
    def wrapped(*args: Any, as_json: bool, **kwargs: Any) -> Any:
        name = click.get_current_context().info_name or ""
        try:
            return command(*args, as_json=as_json, **kwargs)
        except Interrupted as stop:
            if not as_json:
                raise
            print_document(name, stop.exit_status, {"interrupted": stop.signal.name})
            raise SystemExit(stop.exit_status) from stop
        except (Segment1BError, OSError) as err:
            if not as_json:
                raise
            coded = err if isinstance(err, Segment1BError) else io_error(err, "a file", tries=1)
            print_document(name, 1, {"error": error_row(coded)})
            raise SystemExit(1) from err

    option = click.option(
        "--json", "as_json", is_flag=True, help="One JSON document on stdout; progress on stderr."
    )
    return option(wrapped)  # type: ignore[return-value]


def print_document(command: str, exit_status: int, content: Mapping[str, Any]) -> None:
    """Print a command's document: what it is of, how it ended, then its content."""
    document = {"command": command, "ok": exit_status == 0, "exit_status": exit_status, **content}
    click.echo(json.dumps(_exact(document), indent=2, ensure_ascii=False, allow_nan=False))


def error_row(error: Segment1BError) -> dict[str, Any]:
    """An error as JSON holds it."""
    value = error.value
    return {
        "code": error.code,
        "country": error.country,
        "detail": error.detail,
        "file": error.file,
        "value": value if value is None or isinstance(value, str | int) else repr(value),
        "next_step": error.next_step,
    }


def console_for(as_json: bool, width: int, **style: Any) -> Console:
    """Where a command prints: stdout, or stderr where stdout is for the document.

    Args:
        width: columns where the output is no terminal and $COLUMNS says nothing.
        style: other options of the console.
    """
    from rich.console import Console

    stream = sys.stderr if as_json else sys.stdout
    asked = stream.isatty() or os.environ.get("COLUMNS")
    return Console(stderr=as_json, width=None if asked else width, **style)


def _exact(value: Any) -> Any:
    """Integers beyond 2^53 as decimal strings, at any depth."""
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    if isinstance(value, int) and not -_EXACT <= value <= _EXACT:
        return str(value)
    return value
