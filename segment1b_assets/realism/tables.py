"""The scorecard's tables as HTML, the bad rows first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from segment1b_assets.contracts.realism import Band, RealismRules
from segment1b_assets.realism.verdicts import (
    ORDER,
    Judged,
    JudgedCountry,
    Verdict,
    figure,
    span_of,
)

_CLASS: Mapping[Verdict, str] = {
    "believable": "good", "not believable": "bad", "not judged": "none",
}  # fmt: skip


def chip(verdict: Verdict) -> str:
    return f'<span class="chip {_CLASS[verdict]}">{verdict}</span>'


def metrics_table(columns: Sequence[tuple[str, Sequence[Judged]]]) -> str:
    """A row a measure, a column a root; ordered by the first root's verdicts.

    Args:
        columns: (label, its measures).
    """
    first = columns[0][1]
    others = [{j.id: j for j in measures} for _, measures in columns]
    heads = "".join(f"<th>{escape(label)}</th>" for label, _ in columns)
    rows = []
    for judged in first:
        cells = "".join(_metric_cell(found[judged.id]) for found in others)
        rows.append(
            f'<tr class="{_CLASS[judged.verdict]}"><td><b>{escape(judged.title)}</b>'
            f"<small>{escape(judged.asks)}</small></td>{cells}"
            f"<td>{escape(span_of(judged.low, judged.high))}"
            f"<small>{escape(judged.unit)}</small></td></tr>"
        )
    return (
        f"<table><thead><tr><th>measure</th>{heads}<th>believable</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _metric_cell(judged: Judged) -> str:
    return (
        f"<td>{chip(judged.verdict)} <b>{figure(judged.value)}</b>"
        f"<small>{escape(judged.detail)}</small></td>"
    )


def countries_table(
    countries: Sequence[JudgedCountry], names: Mapping[str, str], rules: RealismRules
) -> str:
    """A row a judged country: its numbers and its own measures."""
    judged = [c for c in countries if c.verdict != "not judged"]
    judged.sort(key=lambda c: (ORDER.index(c.verdict), -c.summary.sites, c.summary.country))
    heads = "".join(
        f"<th>{escape(band.title)}<br>{escape(band.unit)}</th>" for band in rules.country.values()
    )
    rows = "".join(_country_row(c, names, rules) for c in judged)
    return (
        '<table id="countries"><thead><tr><th>country</th><th>verdict</th><th>sites</th>'
        f"<th>merchants</th><th>tiles held</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _country_row(c: JudgedCountry, names: Mapping[str, str], rules: RealismRules) -> str:
    s = c.summary
    name = names.get(s.country, s.country)
    cells = "".join(
        f'<td class="number">{_value(c.values[key], band)}</td>'
        for key, band in rules.country.items()
    )
    return (
        f'<tr class="{_CLASS[c.verdict]}" data-find="{escape(f"{name} {s.country}".lower())}">'
        f"<td><b>{escape(name)}</b> {s.country}<small>{escape(c.reason)}</small></td>"
        f'<td>{chip(c.verdict)}</td><td class="number">{s.sites:,}</td>'
        f'<td class="number">{s.merchants:,}</td><td class="number">{s.tiles_used:,}</td>{cells}'
        "</tr>"
    )


def _value(value: float | None, band: Band) -> str:
    if value is None:
        return "–"
    text = figure(value)
    return text if band.holds(value) else f"<b>{text}</b>"


def unjudged_list(
    countries: Sequence[JudgedCountry], missing: Mapping[str, str], names: Mapping[str, str]
) -> str:
    """Countries of few sites or tiles, and those that are not published, by name."""
    few = [c for c in countries if c.verdict == "not judged"]
    parts = []
    if few:
        listed = "; ".join(
            f"{escape(names.get(c.summary.country, c.summary.country))} ({escape(c.reason)})"
            for c in few
        )
        parts.append(
            f"<details><summary>{len(few)} countries with few sites or tiles are not judged"
            f"</summary><p>{listed}</p></details>"
        )
    if missing:
        listed = "; ".join(
            f"{escape(names.get(code, code))}: {escape(why)}" for code, why in missing.items()
        )
        parts.append(
            f"<details open><summary>{len(missing)} countries could not be measured</summary>"
            f"<p>{listed}</p></details>"
        )
    return "".join(parts)
