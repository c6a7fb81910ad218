// The chart. Only visible rows are in the document; bars are placed in per cent of the track.
const chart = document.getElementById('chart'), plane = document.getElementById('plane'), axis = document.getElementById('axis');
const ticks = axis.appendChild(element('div', { class: 'ticks' }));
const grid = document.getElementById('grid');
const AHEAD = 4, MOST_ZOOM = 400;
const view = { shown: data.rows.map((_, i) => i), made: new Map(), zoom: 1, height: 0, top: 0, focus: null };

const percent = ms => (100 * ms / data.took).toFixed(4) + '%';
const px = name => parseFloat(getComputedStyle(chart).getPropertyValue(name)) || 0;

function measure() {
  view.top = axis.offsetHeight;
  view.lane0 = px('--lane0');
  view.lane = px('--lane');
  view.pad = px('--pad');
  view.height = 2 * view.pad + view.lane0 + Math.max(1, data.lanes - 1) * view.lane + px('--top');
  const height = view.top + view.shown.length * view.height;
  plane.style.height = height + 'px';
  chart.style.setProperty('--row', view.height + 'px');
}

function barElement(bar) {
  const { row } = bar;
  const outer = bar.failed && bar.inner.some(b => b.failed);
  const label = (bar.failed && !outer ? '✕ ' : '') + bar.title;
  const e = element('button', {
    type: 'button', role: 'gridcell', tabindex: '-1', 'data-bar': bar.index, 'aria-haspopup': 'dialog',
    class: ['bar', 'h' + bar.group[0], bar.lane && 'inner-bar', bar.failed && 'failed', outer && 'outer', bar.noEnd && 'noend', bar.waits && 'waits'].filter(Boolean).join(' '),
    'aria-label': `${bar.title}, ${nameOf(row)}: ${outcome(bar)}, ${duration(bar.took)}, from ${duration(bar.begun)}`,
  }, element('span', { 'aria-hidden': 'true' }, label));
  e.style.left = percent(bar.begun);
  e.style.width = percent(bar.took);
  e.style.top = view.pad + (bar.lane ? view.lane0 + 2 + (bar.lane - 1) * view.lane : 0) + 'px';
  e.style.height = (bar.lane ? view.lane - 2 : view.lane0) + 'px';
  return e;
}

function rowElement(place) {
  const row = rowAt(view.shown[place]);
  const track = element('div', { class: 'track', role: 'presentation' });
  for (const { from, to } of row.alive) {
    const e = track.appendChild(element('div', { class: 'turn', 'aria-hidden': 'true' }));
    e.style.left = percent(from);
    e.style.width = percent(to - from);
  }
  row.bars.forEach(bar => track.append(barElement(bar)));
  if (!row.bars.length) track.append(element('span', { class: 'none', role: 'gridcell' }, 'nothing was done'));
  const head = element('div', { class: 'host', role: 'rowheader' },
    element('b', { title: nameOf(row) }, nameOf(row)), row.state && element('span', { class: 'state ' + row.tone, title: row.state }, row.state));
  const e = element('div', { class: 'row', role: 'row', 'aria-rowindex': place + 1 }, head, track);
  e.style.top = view.top + place * view.height + 'px';
  e.row = row;
  return e;
}

// draw adds the visible rows, and the row with the focus, to the document.
function draw() {
  const first = Math.max(0, Math.floor((chart.scrollTop - view.top) / view.height) - AHEAD);
  const seen = view.all ? view.shown.length : Math.ceil(chart.clientHeight / view.height) + 2 * AHEAD;
  const last = Math.min(view.shown.length, (view.all ? 0 : first) + seen);
  const wanted = place => place >= (view.all ? 0 : first) && place < last || view.focus && view.shown[place] === view.focus.row.index;
  for (const [place, e] of view.made) {
    if (wanted(place)) continue;
    e.remove();
    view.made.delete(place);
  }
  const places = new Set(view.made.keys());
  for (let place = view.all ? 0 : first; place < last; place++) places.add(place);
  const kept = view.focus ? view.shown.indexOf(view.focus.row.index) : -1;
  if (kept >= 0) places.add(kept);
  let before = grid;
  for (const place of [...places].sort((a, b) => a - b)) {
    if (!view.made.has(place)) view.made.set(place, rowElement(place));
    const e = view.made.get(place);
    if (before.nextSibling !== e) before.after(e);
    before = e;
  }
  drawTicks();
  mark();
}

function drawTicks() {
  const width = ticks.clientWidth || 1, step = niceStep(data.took * 90 / width);
  const from = Math.max(0, Math.floor((chart.scrollLeft - 100) / width * data.took / step)) * step;
  const to = Math.min(data.took, (chart.scrollLeft + chart.clientWidth) / width * data.took);
  ticks.replaceChildren();
  grid.replaceChildren();
  for (let at = from; at <= to; at += step) {
    const e = ticks.appendChild(element('span', {}, tickText(at, step)));
    e.style.left = grid.appendChild(element('i')).style.left = percent(at);
    if (width - at / data.took * width < 44) e.textContent = ''; // text at the end would widen the plane
  }
}

// niceStep returns the smallest of 1, 2, 5, 10 … milliseconds, seconds, minutes that is not below ms.
function niceStep(ms) {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3];
  return steps.find(s => s >= ms) || Math.ceil(ms / 3600e3) * 3600e3;
}

function tickText(at, step) {
  if (step < 1000) return (at / 1000).toFixed(step < 10 ? 3 : step < 100 ? 2 : 1) + ' s';
  if (data.took < 120e3) return at / 1000 + ' s';
  const two = n => String(n).padStart(2, '0'), s = Math.round(at / 1000);
  return (s >= 3600 ? Math.floor(s / 3600) + ':' + two(Math.floor(s / 60) % 60) : Math.floor(s / 60)) + ':' + two(s % 60);
}

function redraw() {
  const focused = view.focus && elementOf(view.focus) === document.activeElement;
  view.made.forEach(e => e.remove());
  view.made.clear();
  measure();
  draw();
  if (focused) elementOf(view.focus)?.focus({ preventScroll: true });
}

let asked = false;
function drawSoon() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; draw(); });
}

// zoomTo zooms around x, a distance from the left edge of the tracks.
function zoomTo(zoom, x) {
  zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
  const visible = chart.clientWidth - ticks.offsetLeft;
  if (x === undefined) x = visible / 2;
  const at = (chart.scrollLeft + x) / view.zoom;
  view.zoom = zoom;
  chart.style.setProperty('--zoom', zoom);
  chart.scrollLeft = at * zoom - x;
  document.getElementById('zoom').textContent = Math.round(zoom * 100) + ' %';
  document.getElementById('out').disabled = document.getElementById('fit').disabled = zoom === 1;
  document.getElementById('in').disabled = zoom === MOST_ZOOM;
  draw();
}
