"""A GeoJSON FeatureCollection feature by feature: memory follows the largest of them.

OGR opens such a file by parsing all of it, holds each number as an object, and does that again to
read it: 1.1 GB and minutes for a country of a million vertices. A quote or a brace ends each thing
that this reader must tell apart. Coordinates hold neither, so they are passed over at the speed of
a search and become numbers in bulk. What is no FeatureCollection in a CRS by name is left to OGR.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

_BLOCK: Final = 4 << 20
_MARK: Final = re.compile(rb'["{}\\]')
_QUOTE, _OPEN, _CLOSE, _ESCAPE = b'"', b"{", b"}", b"\\"
_SPACES: Final = b" \t\r\n"
#: Brackets round a vertex, counted from the outermost.
_DEPTHS: Final = {"Polygon": 3, "MultiPolygon": 4}
_BRACKET, _END_BRACKET, _COMMA = b"[],"


class UnusualGeoJsonError(Exception):
    """The file is of a form that this reader leaves to OGR."""


@dataclass(frozen=True)
class GeoJsonFeatures:
    """What was read.

    Attributes:
        crs: the CRS by name.
        wkb: of each feature, None where it has no geometry or one that cannot be built.
        properties: JSON text of each feature's properties, its id among them.
    """

    crs: str
    wkb: list[bytes | None]
    properties: list[str]

    def columns(self, choose: Callable[[Sequence[str]], Sequence[str]]) -> dict[str, list[str]]:
        """Properties as texts, "" where null or not there; `choose` gets all names, in order."""
        names = list(dict.fromkeys(name for row in self.properties for name in json.loads(row)))
        chosen = choose(names)
        found: dict[str, list[str]] = {name: [] for name in names if name in chosen}
        for row in self.properties:
            own = json.loads(row)
            for name, texts in found.items():
                texts.append(_text(own.get(name)))
        return found


@dataclass
class _Scan:
    """Where a scan stands: the rest of the file begins at `data`."""

    data: bytearray = field(default_factory=bytearray)
    depth: int = 0
    key: list[bytes] = field(default_factory=lambda: [b"", b"", b"", b""])
    coordinates: tuple[int, int] | None = None


def read_geojson(stream: IO[bytes]) -> GeoJsonFeatures:
    """Read all features of a FeatureCollection.

    Raises:
        UnusualGeoJsonError: where OGR should read the file, or say what is wrong with it.
    """
    header = bytearray()
    wkb: list[bytes | None] = []
    properties: list[str] = []
    for feature, coordinates in _objects(stream, header):
        skeleton, shape = _feature(feature, coordinates)
        wkb.append(shape)
        own = skeleton.get("properties") or {}
        if not isinstance(own, dict):
            raise UnusualGeoJsonError
        if "id" in skeleton:
            own.setdefault("id", skeleton["id"])
        properties.append(json.dumps(own))
    return GeoJsonFeatures(_crs(bytes(header)), wkb, properties)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    return value if isinstance(value, str) else json.dumps(value)


def _objects(
    stream: IO[bytes], header: bytearray
) -> Iterator[tuple[bytes, tuple[int, int] | None]]:
    """Each feature, and where its coordinates lie in it; all else of the file into `header`."""
    scan = _Scan()
    quoted: int | None = None  # where the string that is open began
    begun: int | None = None  # where the feature that is open began
    skip = done = at = 0
    open_coordinates: int | None = None
    while block := stream.read(_BLOCK):
        scan.data += block
        for match in _MARK.finditer(scan.data, at):
            place, mark = match.start(), match[0]
            if place < skip:
                continue
            if quoted is not None:
                if mark == _ESCAPE:
                    skip = place + 2
                elif mark == _QUOTE:
                    if 0 < scan.depth < len(scan.key):
                        text = bytes(scan.data[quoted + 1 : place])
                        if (
                            scan.depth == 3
                            and scan.key[2] == b"geometry"
                            and text == b"coordinates"
                        ):
                            open_coordinates = place + 1
                        scan.key[scan.depth] = text
                    quoted = None
                continue
            if open_coordinates is not None and mark in (_QUOTE, _CLOSE):
                scan.coordinates, open_coordinates = (open_coordinates, place), None
            if mark == _QUOTE:
                quoted = place
            elif mark == _OPEN:
                scan.depth += 1
                if scan.depth == 2 and scan.key[1] == b"features":
                    begun, scan.coordinates, scan.key[2] = place, None, b""
                    header += scan.data[done:place] + b"0"
            elif mark == _CLOSE:
                if scan.depth == 2 and begun is not None:
                    span = scan.coordinates
                    inner = None if span is None else (span[0] - begun, span[1] - begun)
                    yield bytes(scan.data[begun : place + 1]), inner
                    begun, done = None, place + 1
                scan.depth -= 1
        at = len(scan.data)
        if begun is None and quoted is None:
            header += scan.data[done:]
            done = at
        # What is done with leaves memory; positions move along.
        gone = min(x for x in (done, begun, quoted) if x is not None)
        del scan.data[:gone]
        at, done, skip = at - gone, done - gone, skip - gone
        begun = None if begun is None else begun - gone
        quoted = None if quoted is None else quoted - gone
        open_coordinates = None if open_coordinates is None else open_coordinates - gone
        if scan.coordinates is not None:
            scan.coordinates = (scan.coordinates[0] - gone, scan.coordinates[1] - gone)
    header += scan.data[done:]


def _crs(header: bytes) -> str:
    try:
        document = json.loads(header.decode("utf-8-sig"))
        features = document["features"]
        if document["type"] != "FeatureCollection" or not isinstance(features, list):
            raise UnusualGeoJsonError
        if any(features):  # something that is no object
            raise UnusualGeoJsonError
        if "crs" not in document:
            return "OGC:CRS84"
        name = document["crs"]["properties"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        raise UnusualGeoJsonError from err
    if not isinstance(name, str):
        raise UnusualGeoJsonError
    return name


def _feature(
    text: bytes, coordinates: tuple[int, int] | None
) -> tuple[dict[str, Any], bytes | None]:
    """The feature without its coordinates, and its geometry as WKB."""
    numbers = b""
    bare = text
    if coordinates is not None:
        start, end = coordinates
        start = text.find(b":", start, end) + 1
        end = text.rfind(b"]", start, end) + 1
        if not 0 < start < end:
            raise UnusualGeoJsonError
        numbers = text[start:end]
        bare = text[:start] + b"null" + text[end:]
    try:
        skeleton = json.loads(bare)
    except (ValueError, RecursionError) as err:
        raise UnusualGeoJsonError from err
    if skeleton.get("type") != "Feature":
        raise UnusualGeoJsonError
    geometry = skeleton.get("geometry")
    if geometry is None:
        return skeleton, None
    if not isinstance(geometry, dict):
        raise UnusualGeoJsonError
    shape = _polygons(numbers, _DEPTHS.get(str(geometry.get("type")), 0))
    if shape is None:
        shape = _any_shape(geometry, numbers)
    return skeleton, None if shape is None else shapely.to_wkb(shape)


def _any_shape(geometry: dict[str, Any], numbers: bytes) -> shapely.Geometry | None:
    """GEOS' own reading, which takes every kind; None of what it cannot build."""
    try:
        whole = geometry | {"coordinates": json.loads(numbers)} if numbers else geometry
    except (ValueError, RecursionError) as err:
        raise UnusualGeoJsonError from err
    return shapely.from_geojson(json.dumps(whole), on_invalid="ignore")


def _polygons(text: bytes, depth: int) -> shapely.Geometry | None:
    """A polygon (depth 3) or multipolygon (4); None for whatever is not of that plain form."""
    if not depth:
        return None
    text = text.translate(None, _SPACES)
    marks = np.frombuffer(text, np.uint8)
    marks = marks[(marks == _BRACKET) | (marks == _END_BRACKET) | (marks == _COMMA)]
    level = np.cumsum((marks == _BRACKET).astype(np.int8) - (marks == _END_BRACKET), dtype=np.int32)
    opened = marks == _BRACKET
    vertices = np.cumsum(opened & (level == depth), dtype=np.int32)
    if not vertices.size or level.max() != depth or level[-1] != 0:
        return None
    commas = np.bincount(vertices[(marks == _COMMA) & (level == depth)], minlength=1)[1:]
    count = int(vertices[-1])
    if commas.size != count or commas.min() != commas.max() or commas[0] < 1:
        return None
    values = _numbers(text.translate(None, b"[]"))
    if values is None or values.size != count * (int(commas[0]) + 1):
        return None
    xy = values.reshape(count, -1)[:, :2]
    first = vertices[opened & (level == depth - 1)]
    length = np.diff(np.append(first, count))
    part = np.cumsum(opened & (level == depth - 2))[opened & (level == depth - 1)] - 1
    return _built(xy, length, part, depth)


def _built(
    xy: NDArray[np.float64], length: NDArray[np.int64], part: NDArray[np.int64], depth: int
) -> shapely.Geometry | None:
    """From vertices, the number of them in each ring, and the polygon of each ring."""
    if (length < 4).any():
        return None
    ring = np.repeat(np.arange(length.size), length)
    rings = shapely.linearrings(xy, indices=ring)
    parts = shapely.polygons(rings, indices=part)
    return parts[0] if depth == 3 else shapely.multipolygons(parts)


def _numbers(text: bytes) -> NDArray[np.float64] | None:
    try:
        texts = pc.split_pattern(pa.array([text.decode("ascii")], pa.large_string()), ",")
        found: NDArray[np.float64] = pc.cast(texts.values, pa.float64()).to_numpy()
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return found
