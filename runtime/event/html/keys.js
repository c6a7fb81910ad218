// Focus: Tab reaches one bar, the arrow keys move between bars, as in any grid.
const elementOf = bar => view.made.get(view.shown.indexOf(bar.row.index))?.querySelector(`[data-bar="${bar.index}"]`);

// mark lets Tab reach the bar that had the focus last, or the first one.
function mark() {
  if (!view.focus || !view.shown.includes(view.focus.row.index)) {
    const place = view.shown.findIndex(i => data.rows[i].b);
    view.focus = place < 0 ? null : rowAt(view.shown[place]).bars[0];
  }
  plane.querySelectorAll('.bar[tabindex="0"]').forEach(e => { e.tabIndex = -1; });
  const e = view.focus && elementOf(view.focus);
  if (e) e.tabIndex = 0;
}

function focusBar(bar) {
  view.focus = bar;
  const place = view.shown.indexOf(bar.row.index), top = place * view.height;
  if (top < chart.scrollTop) chart.scrollTop = top;
  if (top + view.top + view.height > chart.scrollTop + chart.clientHeight) chart.scrollTop = top + view.top + view.height - chart.clientHeight;
  const width = ticks.clientWidth, from = bar.begun / data.took * width, label = ticks.offsetLeft;
  if (from < chart.scrollLeft || from > chart.scrollLeft + chart.clientWidth - label - 40) chart.scrollLeft = from - (chart.clientWidth - label) / 3;
  draw();
  elementOf(bar)?.focus({ preventScroll: true });
}

// beside returns the bar of another row that is nearest to bar in time, if possible of the same depth.
function beside(bar, by) {
  for (let place = view.shown.indexOf(bar.row.index) + by; place >= 0 && place < view.shown.length; place += by) {
    const { bars } = rowAt(view.shown[place]);
    if (!bars.length) continue;
    const far = b => Math.abs(b.begun - bar.begun) + (b.group === bar.group ? 0 : data.took) + (b.lane === bar.lane ? 0 : data.took);
    return bars.reduce((best, b) => far(b) < far(best) ? b : best);
  }
  return null;
}

const keys = {
  ArrowRight: bar => bar.row.bars[bar.index + 1],
  ArrowLeft: bar => bar.row.bars[bar.index - 1],
  ArrowDown: bar => beside(bar, 1),
  ArrowUp: bar => beside(bar, -1),
  Home: bar => bar.row.bars[0],
  End: bar => bar.row.bars.at(-1),
  PageDown: bar => jump(bar, 1),
  PageUp: bar => jump(bar, -1),
};

function jump(bar, by) {
  let next = bar;
  for (let i = Math.max(1, Math.floor(chart.clientHeight / view.height) - 1); i > 0; i--) next = beside(next, by) || next;
  return next;
}

function onKey(event) {
  const bar = barAt(event.target);
  if (!bar || event.ctrlKey || event.metaKey || event.altKey) return;
  const x = bar.begun / data.took * ticks.clientWidth - chart.scrollLeft;
  const zoom = { '+': 1.5, '=': 1.5, '-': 1 / 1.5, 0: 0 }[event.key];
  if (zoom !== undefined) {
    event.preventDefault();
    zoomTo(zoom ? view.zoom * zoom : 1, x);
  } else if (keys[event.key]) {
    event.preventDefault();
    const next = keys[event.key](bar);
    if (next) focusBar(next);
  }
}

function barAt(target) {
  const e = target.closest?.('.bar');
  return e ? e.closest('.row').row.bars[e.dataset.bar] : null;
}
