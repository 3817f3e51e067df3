'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const tip = document.getElementById('tip');
  const COLOURS = ['#5b2a86', '#e69f00', '#0072b2'];
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;

  // Outlines once for all maps: a path a country, in degrees with latitude growing downwards.
  const land = Object.entries(data.outlines).map(([code, rings]) => {
    const path = new Path2D();
    for (const ring of rings) {
      let x = 0, y = 0;
      for (let i = 0; i < ring.length; i += 2) {
        x += ring[i]; y += ring[i + 1];
        if (i === 0) path.moveTo(x / 100, -y / 100); else path.lineTo(x / 100, -y / 100);
      }
      path.closePath();
    }
    return { code, path };
  });

  const maps = data.maps.map((map, number) => {
    const canvas = document.getElementById('map-' + number);
    return {
      ...map, canvas, context: canvas.getContext('2d'),
      lon: new Int32Array(bytes(map.lon)), lat: new Int32Array(bytes(map.lat)),
      merchant: new BigUint64Array(bytes(map.merchant)),
      order: new Int32Array(bytes(map.order)), shops: new Int32Array(bytes(map.shops)),
      country: new Uint16Array(bytes(map.country)), over: -1,
    };
  });

  // The world, or what is around the points where they lie in a part of it.
  const HOME = (() => {
    const all = { lon: 8, lat: 22, wide: 364 };
    let west = 180, east = -180, south = 90, north = -90;
    for (const { lon, lat } of maps) {
      for (let i = 0; i < lon.length; i += 1) {
        west = Math.min(west, lon[i] / 1e5); east = Math.max(east, lon[i] / 1e5);
        south = Math.min(south, lat[i] / 1e5); north = Math.max(north, lat[i] / 1e5);
      }
    }
    const wide = 1.3 * Math.max(east - west, (north - south) * 2.2, 0.5);
    return east < west || wide > 200 ? all
      : { lon: (west + east) / 2, lat: (south + north) / 2, wide };
  })();
  const view = { ...HOME };

  const group = (shops) => (shops >= 10 ? 0 : shops > 1 ? 1 : 2);
  const scaleOf = (map) => map.canvas.clientWidth / view.wide;

  function draw(map) {
    const { canvas, context } = map;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const scale = scaleOf(map);
    const toX = (lon) => (lon - view.lon) * scale + width / 2;
    const toY = (lat) => (view.lat - lat) * scale * data.stretch + height / 2;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (const turn of [-360, 0, 360]) {
      context.setTransform(scale * ratio, 0, 0, scale * ratio * data.stretch,
        toX(turn) * ratio, toY(0) * ratio);
      context.lineWidth = 0.8 / scale;
      context.strokeStyle = '#b4bdc6';
      for (const { path } of land) {
        context.fillStyle = '#ffffff';
        context.fill(path); context.stroke(path);
      }
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const size = Math.min(7, 2.2 + Math.log2(HOME.wide / view.wide) * 0.6);
    for (let wanted = 0; wanted < 3; wanted += 1) {
      context.fillStyle = COLOURS[wanted];
      for (let i = 0; i < map.lon.length; i += 1) {
        if (group(map.shops[i]) !== wanted) continue;
        const x = wrapped(toX(map.lon[i] / 1e5), scale, width), y = toY(map.lat[i] / 1e5);
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        context.fillRect(x - size / 2, y - size / 2, size, size);
      }
    }
    if (map.over >= 0) {
      context.lineWidth = 2; context.strokeStyle = '#20262e';
      for (let i = 0; i < map.lon.length; i += 1) {
        if (map.merchant[i] !== map.merchant[map.over] ||
            map.country[i] !== map.country[map.over]) continue;
        context.beginPath();
        context.arc(wrapped(toX(map.lon[i] / 1e5), scale, width), toY(map.lat[i] / 1e5),
          i === map.over ? 8 : 5, 0, 7);
        context.stroke();
      }
    }
  }

  function wrapped(x, scale, width) {
    const turn = 360 * scale;
    if (x < -9 && x + turn < width + 9) return x + turn;
    if (x > width + 9 && x - turn > -9) return x - turn;
    return x;
  }

  let waiting = false;
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; maps.forEach(draw); });
  }

  function zoom(factor, map, x, y) {
    const scale = scaleOf(map), { clientWidth, clientHeight } = map.canvas;
    const dx = (x ?? clientWidth / 2) - clientWidth / 2;
    const dy = (y ?? clientHeight / 2) - clientHeight / 2;
    const wide = Math.min(400, Math.max(0.05, view.wide / factor));
    const after = clientWidth / wide;
    view.lon += dx / scale - dx / after;
    view.lat -= (dy / scale - dy / after) / data.stretch;
    view.wide = wide;
    settle();
  }

  function settle() {
    view.lat = Math.max(-90, Math.min(90, view.lat));
    view.lon = ((view.lon + 540) % 360) - 180;
    redraw();
  }

  function hover(map, event) {
    const box = map.canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const scale = scaleOf(map), width = map.canvas.clientWidth, height = map.canvas.clientHeight;
    let best = 90, over = -1, here = 0;
    for (let i = 0; i < map.lon.length; i += 1) {
      const dx = wrapped((map.lon[i] / 1e5 - view.lon) * scale + width / 2, scale, width) - x;
      const dy = (view.lat - map.lat[i] / 1e5) * scale * data.stretch + height / 2 - y;
      const far = dx * dx + dy * dy;
      if (far <= 36) here += 1;
      if (far < best) { best = far; over = i; }
    }
    if (over !== map.over) { map.over = over; redraw(); }
    const lines = over >= 0 ? site(map, over, here) : country(map, x, y);
    tip.hidden = lines.length === 0;
    tip.replaceChildren(...lines.map((line) => {
      const row = document.createElement('div'); row.textContent = line; return row;
    }));
    tip.style.left = Math.min(event.clientX + 14, window.innerWidth - 350) + 'px';
    tip.style.top = event.clientY + 14 + 'px';
  }

  function site(map, i, here) {
    const code = map.codes[map.country[i]];
    const lines = [`${data.names[code] || code}: merchant ${map.merchant[i]}`,
      `site ${map.order[i]} of its ${map.shops[i].toLocaleString('en')} in the country`,
      `${(map.lat[i] / 1e5).toFixed(4)}, ${(map.lon[i] / 1e5).toFixed(4)}`];
    if (here > 1) lines.push(`${here.toLocaleString('en')} sites under the pointer`);
    return lines;
  }

  function country(map, x, y) {
    const scale = scaleOf(map), width = map.canvas.clientWidth, height = map.canvas.clientHeight;
    const lon = (x - width / 2) / scale + view.lon;
    const lat = view.lat - (y - height / 2) / scale / data.stretch;
    const { context } = map;
    context.setTransform(1, 0, 0, 1, 0, 0);
    for (const { code, path } of land) {
      if ([lon, lon - 360, lon + 360].some((l) => context.isPointInPath(path, l, -lat))) {
        const row = map.rows[code];
        if (!row) return [data.names[code] || code, 'no sites'];
        return [data.names[code] || code, `${row[0].toLocaleString('en')} sites: ${row[1]}`,
          ...(row[2] ? [row[2]] : [])];
      }
    }
    return [];
  }

  for (const map of maps) {
    const { canvas } = map;
    let from = null;
    canvas.addEventListener('pointerdown', (event) => {
      from = event; tip.hidden = true;
      try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone */ }
    });
    canvas.addEventListener('pointerup', () => { from = null; });
    canvas.addEventListener('pointercancel', () => { from = null; });
    canvas.addEventListener('pointermove', (event) => {
      if (!from) { hover(map, event); return; }
      const scale = scaleOf(map);
      view.lon -= (event.clientX - from.clientX) / scale;
      view.lat += (event.clientY - from.clientY) / scale / data.stretch;
      from = event;
      settle();
    });
    canvas.addEventListener('pointerleave', () => {
      tip.hidden = true;
      if (map.over >= 0) { map.over = -1; redraw(); }
    });
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * 0.0016), map, event.clientX - box.left,
        event.clientY - box.top);
    }, { passive: false });
    canvas.addEventListener('keydown', (event) => {
      const step = view.wide / 10;
      const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step],
        ArrowDown: [0, -step] }[event.key];
      if (move) { view.lon += move[0]; view.lat += move[1]; settle(); }
      else if (event.key === '+' || event.key === '=') zoom(1.6, map);
      else if (event.key === '-') zoom(1 / 1.6, map);
      else if (event.key === '0') { Object.assign(view, HOME); redraw(); }
      else return;
      event.preventDefault();
    });
    const [nearer, farther, whole] = canvas.parentElement.querySelectorAll('button');
    nearer.addEventListener('click', () => zoom(1.6, map));
    farther.addEventListener('click', () => zoom(1 / 1.6, map));
    whole.addEventListener('click', () => { Object.assign(view, HOME); redraw(); });
  }

  document.getElementById('find').addEventListener('input', (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of document.querySelectorAll('#countries tbody tr')) {
      row.hidden = !row.dataset.find.includes(wanted);
    }
  });
  window.addEventListener('resize', redraw);
  redraw();
})();
