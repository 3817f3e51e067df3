"""The scorecard as one HTML page that needs no network: map, tables, pictures."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.realism.measure import Measured
from segment1b_assets.realism.outlines import Outlines
from segment1b_assets.realism.pictures import Picture
from segment1b_assets.realism.scorecard import law_of
from segment1b_assets.realism.tables import (
    chip,
    countries_table,
    metrics_table,
    unjudged_list,
)

#: How much taller a degree of latitude is drawn than one of longitude.
_STRETCH: Final = 1.25
_METHOD: Final = """
<ul>
<li><b>Draws</b>: every site of every merchant falls on a tile with the tile's weight as its
probability, anywhere in the tile, independently of all others; fixed seeds.</li>
<li><b>Sites follow population</b>: Spearman's correlation of sites and persons over the half-degree
cells that hold either, against the draws' median.</li>
<li><b>One-site merchants</b>: how many lie in their country's heaviest tile against the sum of the
tiles' shares, in standard deviations; and where they lie along the cumulative weight in tile order,
a place at random within their tile, against the uniform distribution (Kolmogorov-Smirnov).</li>
<li><b>Same set of tiles</b>: multi-site merchants of a country whose set of tiles another one has
too, less what the draws give, as a share of all.</li>
<li><b>Nearest neighbour, pairs</b>: great circles between sites of one country. Drawn sites may lie
in the sea part of a coastal tile.</li>
<li><b>Reach</b>: the shortest arc of the closed Hilbert curve, measured in weight, that holds 90 %
of a chain's shops (rounded up). Published: medians of United States fast-food chains.</li>
<li><b>Sample</b>: of a country with more than {kept:,} sites a fixed random sample of so many is
measured, in the draws alike. Thresholds: contracts/realism.yaml, version {version}.</li>
</ul>
"""


def page(columns: Sequence[tuple[str, Measured, Sequence[Picture]]], land: Outlines) -> bytes:
    """The page of one root, or of two side by side; the first is the one that is judged.

    Args:
        columns: (label, what was measured, its pictures), one or two.
    """
    files = resources.files(__package__)
    read = {name: files.joinpath(name).read_text("utf-8") for name in _FILES}
    first = columns[0][1]
    names = first.inputs.iso_names
    text = string.Template(read["page.html"]).substitute(
        title="site_realism: " + " and ".join(escape(label) for label, _, _ in columns),
        css=read["page.css"],
        script=read["page.js"],
        lead=_lead(columns),
        cards="".join(_card(label, found) for label, found, _ in columns),
        map_note=_map_note([found for _, found, _ in columns]),
        count=len(columns),
        maps="".join(_map(n, label) for n, (label, _, _) in enumerate(columns)),
        draws=first.rules.draws,
        metrics=metrics_table([(label, found.judged) for label, found, _ in columns]),
        pictures=_pictures([(label, shown) for label, _, shown in columns]),
        few_sites=first.rules.few_sites,
        few_tiles=first.rules.few_tiles,
        whose=f", {escape(columns[0][0])}" if len(columns) > 1 else "",
        countries=countries_table(first.countries, names, first.rules),
        unjudged=unjudged_list(first.countries, first.missing, names),
        method=_METHOD.format(kept=first.rules.kept_sites, version=escape(first.rules.version)),
        data=_embedded([found for _, found, _ in columns], land),
    )
    return text.encode("utf-8")


_FILES: Final = ("page.html", "page.css", "page.js")


def _lead(columns: Sequence[tuple[str, Measured, Sequence[Picture]]]) -> str:
    """A sentence a root; of two, each with its label."""
    if len(columns) == 1:
        return f"This world: {_outcome(columns[0][1])}."
    return "<br>".join(f"{escape(label)}: {_outcome(found)}." for label, found, _ in columns)


def _outcome(found: Measured) -> str:
    bad = [j for j in found.judged if j.verdict == "not believable"]
    judged = sum(j.verdict != "not judged" for j in found.judged)
    if not bad:
        return f"all {judged} measures are within what is believable"
    worst = ", ".join(escape(j.title[:1].lower() + j.title[1:]) for j in bad[:3])
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    return f"{len(bad)} of {judged} measures are beyond what is believable: {worst}{more}"


def _card(label: str, found: Measured) -> str:
    bad = sum(j.verdict == "not believable" for j in found.judged)
    good = sum(j.verdict == "believable" for j in found.judged)
    law, tokens = law_of(found), found.inputs.identity.tokens
    merchants = sum(c.summary.merchants for c in found.countries)
    return (
        f'<div class="card {"bad" if bad else "good"}"><b>{escape(label)} '
        f"{chip('not believable' if bad else 'believable')}</b>"
        f"<p>{good} measures believable, {bad} not; {found.sites:,} sites of {merchants:,} pairs "
        f"of merchant and country, in {len(found.countries)} countries</p>"
        f"<p>S4 {escape(law['s4'])}, S6 {escape(law['s6'])}, weights {escape(law['weights'])}</p>"
        f"<p><code>seed {tokens['seed']}, parameter_hash {tokens['parameter_hash'][:12]}…, "
        f"manifest_fingerprint {tokens['manifest_fingerprint'][:12]}…</code></p></div>"
    )


def _map_note(columns: Sequence[Measured]) -> str:
    notes = []
    for found in columns:
        shown = sum(p.lon.size for p in found.points)
        if shown < found.sites:
            notes.append(f"A sample of {shown:,} of {found.sites:,} sites is shown.")
    return " ".join(dict.fromkeys(notes))


def _map(number: int, label: str) -> str:
    return (
        f'<div class="map"><h3>{escape(label)}</h3><canvas id="map-{number}" tabindex="0" '
        f'role="img" aria-label="World map of sites, {escape(label)}"></canvas>'
        '<div class="zoom"><button title="Nearer" aria-label="Nearer">+</button>'
        '<button title="Farther" aria-label="Farther">−</button>'
        '<button title="Whole world" aria-label="Whole world">⌂</button></div></div>'
    )


def _pictures(columns: Sequence[tuple[str, Sequence[Picture]]]) -> str:
    """Each picture, beside the same one of the other root; alone, two charts in a row."""
    several = len(columns) > 1
    rows = []
    for place, picture in enumerate(columns[0][1]):
        figures = "".join(_figure(label, shown[place], several) for label, shown in columns)
        wide = picture.name in ("world", "chains") and not several
        kind = "picture pair" if several else "picture wide" if wide else "picture"
        rows.append(f'<div class="{kind}">{figures}</div>')
    return "".join(rows) if several else f'<div class="pictures">{"".join(rows)}</div>'


def _figure(label: str, picture: Picture, several: bool) -> str:
    encoded = base64.b64encode(picture.png).decode("ascii")
    caption = f"{label}: {picture.caption}" if several else picture.caption
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{encoded}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _embedded(columns: Sequence[Measured], land: Outlines) -> str:
    """The map's data as JSON that cannot end its own script element."""
    codes = sorted({*land, *(p.country for found in columns for p in found.points)})
    names = columns[0].inputs.iso_names
    document = {
        "stretch": _STRETCH,
        "names": {code: names[code] for code in codes if code in names},
        "outlines": {code: [_deltas(ring) for ring in rings] for code, rings in land.items()},
        "maps": [_points(found) for found in columns],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _points(found: Measured) -> dict[str, Any]:
    """One root's points, little-endian arrays in base64, and what is said of its countries."""
    points = found.points
    country = np.repeat(np.arange(len(points)), [p.lon.size for p in points])
    rows = {}
    for c in found.countries:
        why = c.reason if c.verdict == "not believable" else ""
        rows[c.summary.country] = [c.summary.sites, c.verdict, why]
    return {
        "codes": [p.country for p in points],
        "country": _base64(country, "<u2"),
        "merchant": _base64(np.concatenate([p.merchant_id for p in points]), "<u8"),
        "order": _base64(np.concatenate([p.site_order for p in points]), "<i4"),
        "shops": _base64(np.concatenate([p.shops for p in points]), "<i4"),
        "lon": _base64(np.round(np.concatenate([p.lon for p in points]) * 1e5), "<i4"),
        "lat": _base64(np.round(np.concatenate([p.lat for p in points]) * 1e5), "<i4"),
        "rows": rows,
    }


def _base64(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")


def _deltas(ring: NDArray[np.float64]) -> list[int]:
    """The first point, then the way to each next one: shorter numbers than the points'."""
    whole = ring.astype(np.int64)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), np.int64))
    found: list[int] = steps.reshape(-1).tolist()
    return found
