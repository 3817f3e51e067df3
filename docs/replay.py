"""Recompute one merchant's sites in one country from the tokens alone, without the package.

    python docs/replay.py ROOT COUNTRY MERCHANT_ID

Reads the raster's affine, the country's polygon and its tile weights; draws tiles and coordinates
(S5 to S7) again in plain Python, and the plan (S4) too where its policy is population_arc_v1, else
the published one is read; compares all bit for bit with the published plan and site_locations.
"""

import sys
from bisect import bisect_right
from collections import Counter
from fractions import Fraction
from functools import cache
from hashlib import sha256
from itertools import accumulate, pairwise
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


def blocks(label, parts):
    """The words of a substream, two a block (Philox2x64-10)."""
    digest = sha256(master + s("mlr:1A") + s(label) + s("segment:1B") + parts).digest()
    counter = int.from_bytes(digest[16:], "big")
    while True:
        (hi, lo), key = divmod(counter, 1 << 64), int.from_bytes(digest[24:], "little")
        for _ in range(10):
            product = lo * 0xD2B74407B1CE6E93
            hi, lo = product % (1 << 64), (product >> 64) ^ key ^ hi
            key = (key + 0x9E3779B97F4A7C15) % (1 << 64)
        yield lo, hi
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


def draws(label, parts):
    """The uniforms of a substream, two a block."""
    for words in blocks(label, parts):
        yield [min(float(word + 1) * 2.0**-64, 1 - 2.0**-53) for word in words]


def hilbert(x, y):
    """Index on the curve of the cell in column x and row y."""
    bit, index = side // 2, 0
    while bit:
        rx, ry = int(x & bit > 0), int(y & bit > 0)
        index += bit * bit * ((3 * rx) ^ ry)
        if ry == 0:
            if rx == 1:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        bit //= 2
    return index


def draw_plan(n):
    """Tile -> sites of a pair with n sites, by population_arc_v1."""
    (folder,) = root.glob(f"layer1/1B/tile_weights/parameter_hash={ph}/country={iso}")
    columns = ["tile_id", "weight_fp"]
    rows = pq.read_table(folder, columns=columns, partitioning=None).to_pylist()
    rows.sort(key=lambda row: hilbert(*reversed(divmod(row["tile_id"], raster.width))))
    scale = sum(row["weight_fp"] for row in rows)
    x0, x1 = next(blocks("site_tile_plan", s("state:s4") + u64(merchant) + s(iso) + s(ph)))
    home, reach = x0 * scale >> 64, scale
    entry = next((e for e in policy.get("reach", []) if n <= e["n_max"]), None)
    if n > 1 and entry:
        r = x1
        for _ in range(entry["power"] - 1):
            r = r * x1 >> 64
        reach = max(1 + (r * scale >> 64), -(-scale * entry.get("min_ppm", 0) // 10**6))
    print(f"home {home} and reach {reach} of {scale}")
    ends = list(accumulate(row["weight_fp"] for row in rows))
    places = [(home + k * reach // n) % scale for k in range(n)]
    sites = Counter(rows[bisect_right(ends, q)]["tile_id"] for q in places)
    return dict(sorted(sites.items()))


root, iso, merchant = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
(folder,) = root.glob(f"layer1/1B/s4_alloc_plan/*/*/*/country={iso}")
seed, ph, fp = (part.split("=")[1] for part in folder.parts[-4:-1])
master = sha256(s("mlr:1A.master") + bytes.fromhex(fp) + u64(int(seed))).digest()
mine = pc.field("merchant_id") == pa.scalar(merchant, pa.uint64())
plan = pq.read_table(folder, filters=mine, partitioning=None).to_pylist()
plan = {row["tile_id"]: row["n_sites_tile"] for row in plan}
policies = root / "config/layer1/1B/policy"
policy = yaml.safe_load((policies / "policy.s4.alloc_plan.yaml").read_text())
raster = rasterio.open(root / "reference/spatial/population/2025/population.tif")
side = 1 << (max(raster.width, raster.height) - 1).bit_length()
if policy.get("enabled"):
    published, plan = plan, draw_plan(sum(plan.values()))
    if plan != published:
        sys.exit("THE PLANS DIFFER")
queue = [tile for tile, sites in plan.items() for _ in range(sites)]
pair = draws("site_tile_assign", s("state:s5") + u64(merchant) + s(iso) + s(ph))
ranked = sorted((next(pair)[0], order) for order in range(1, len(queue) + 1))

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
