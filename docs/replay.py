"""Recompute one merchant's sites in one country from the tokens alone, without the package.

    python docs/replay.py ROOT COUNTRY MERCHANT_ID

Reads the plan (S4), the raster's affine and the country's polygon; draws tiles and coordinates
(S5 to S7) again in plain Python; compares them bit for bit with the published site_locations.
"""

import sys
from fractions import Fraction
from functools import cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import rasterio
import shapely
import yaml


def s(text):
    return len(text).to_bytes(4, "little") + text.encode()


def u64(number):
    return number.to_bytes(8, "little")


def draws(label, parts):
    """The uniforms of a substream, two a block (Philox2x64-10)."""
    digest = sha256(master + s("mlr:1A") + s(label) + s("segment:1B") + parts).digest()
    counter = int.from_bytes(digest[16:], "big")
    while True:
        (hi, lo), key = divmod(counter, 1 << 64), int.from_bytes(digest[24:], "little")
        for _ in range(10):
            product = lo * 0xD2B74407B1CE6E93
            hi, lo = product % (1 << 64), (product >> 64) ^ key ^ hi
            key = (key + 0x9E3779B97F4A7C15) % (1 << 64)
        yield [min(float(word + 1) * 2.0**-64, 1 - 2.0**-53) for word in (lo, hi)]
        counter = (counter + 1) % (1 << 128)


@cache
def box(west, east, south, north):
    """What uniform_v2 draws in: the box of the rings' pieces in the cell and its inner corners."""
    points = []
    for turn in (0, 360, -360):
        for (x1, y1), (x2, y2) in edges:
            if min(y1, y2) > north or max(y1, y2) < south:
                continue
            x, y = Fraction(x1) - turn, Fraction(y1)
            dx, dy = Fraction(x2) - Fraction(x1), Fraction(y2) - Fraction(y1)
            enter, leave = Fraction(0), Fraction(1)
            for start, step, low, high in ((x, dx, west, east), (y, dy, south, north)):
                if step:
                    first, last = sorted((Fraction(line) - start) / step for line in (low, high))
                    enter, leave = max(enter, first), min(leave, last)
                elif not low <= start <= high:
                    leave = Fraction(-1)
            points += [(x + t * dx, y + t * dy) for t in (enter, leave) if enter <= leave]
    if not points:
        return west, east, south, north
    corners = [(lon, lat) for lon in (west, east) for lat in (south, north)]
    points += [(Fraction(lon), Fraction(lat)) for lon, lat in corners if inside(lon, lat)]
    lons, lats = zip(*points, strict=True)
    return float(min(lons)), float(max(lons)), float(min(lats)), float(max(lats))


def inside(lon, lat):
    return any(shapely.intersects_xy(country, lon + turn, lat) for turn in (0, 360, -360))


root, iso, merchant = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
(folder,) = root.glob(f"layer1/1B/s4_alloc_plan/*/*/*/country={iso}")
seed, ph, fp = (part.split("=")[1] for part in folder.parts[-4:-1])
master = sha256(s("mlr:1A.master") + bytes.fromhex(fp) + u64(int(seed))).digest()
mine = pc.field("merchant_id") == pa.scalar(merchant, pa.uint64())
plan = pq.read_table(folder, filters=mine, partitioning=None).to_pylist()
queue = [row["tile_id"] for row in plan for _ in range(row["n_sites_tile"])]
pair = draws("site_tile_assign", s("state:s5") + u64(merchant) + s(iso) + s(ph))
ranked = sorted((next(pair)[0], order) for order in range(1, len(queue) + 1))

raster = rasterio.open(root / "reference/spatial/population/2025/population.tif")
a, _, c, _, e, f = raster.transform[:6]
world = root / "reference/spatial/world_countries/2024/world_countries.parquet"
(row,) = pq.read_table(world, filters=[("country_iso", "=", iso)]).to_pylist()
country = shapely.from_wkb(row["geom"])
rings = [shapely.get_coordinates(r).tolist() for r in shapely.get_rings(shapely.get_parts(country))]
edges = [edge for ring in rings for edge in pairwise(ring)]
policy = yaml.safe_load((root / "config/layer1/1B/policy/policy.s6.jitter.yaml").read_text("utf-8"))
boxed = policy.get("mode") == "uniform_v2"
sites = {}
for (_, order), tile in zip(ranked, queue, strict=True):
    r, k = divmod(tile, raster.width)
    west, east, south, north = c + k * a, c + (k + 1) * a, f + (r + 1) * e, f + r * e
    mid_lon, mid_lat = c + (k + 0.5) * a, f + (r + 0.5) * e
    parts = s("state:s6") + u64(merchant) + s(iso) + u64(order) + s(ph)
    left, right, low, high = box(west, east, south, north) if boxed else (west, east, south, north)
    for u_lon, u_lat in draws("in_cell_jitter", parts):
        lon = mid_lon + (left + u_lon * (right - left) - mid_lon)
        lat = mid_lat + (low + u_lat * (high - low) - mid_lat)
        if west <= lon <= east and south <= lat <= north and inside(lon, lat):
            break
    sites[order] = (lon, lat)
    print(f"site {order}: tile {tile} lon {lon!r} lat {lat!r}")

(folder,) = root.glob(f"layer1/1B/site_locations/seed={seed}/*={fp}/country={iso}")
rows = pq.read_table(folder, filters=mine, partitioning=None).to_pylist()
published = {row["site_order"]: (row["lon_deg"], row["lat_deg"]) for row in rows}
print(f"{len(sites)} sites,", "all agree" if sites == published else "THEY DIFFER")
sys.exit(0 if sites == published else 1)
