// Events of the page.
document.querySelector('.tools').hidden = false;
const anything = data.rows.length > 0;
chart.hidden = !anything;
document.getElementById('nothing').hidden = anything;
chart.setAttribute('aria-rowcount', data.rows.length);

const button = (id, act) => document.getElementById(id).addEventListener('click', act);
button('in', () => zoomTo(view.zoom * 1.5));
button('out', () => zoomTo(view.zoom / 1.5));
button('fit', () => zoomTo(1));
button('close', closePanel);

document.getElementById('find').addEventListener('input', event => {
  const words = event.target.value.trim().toLowerCase();
  view.shown = data.rows.map((_, i) => i).filter(i => !words || (text(data.rows[i].h) + ' ' + text(data.rows[i].s)).toLowerCase().includes(words));
  document.getElementById('nothing').hidden = view.shown.length > 0;
  document.getElementById('nothing').textContent = 'No host’s name or state has that.';
  chart.hidden = !view.shown.length;
  chart.scrollTop = 0;
  chart.setAttribute('aria-rowcount', view.shown.length);
  redraw();
});

chart.addEventListener('scroll', drawSoon, { passive: true });
chart.addEventListener('keydown', onKey);
chart.addEventListener('wheel', event => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  zoomTo(view.zoom * Math.exp(-event.deltaY / 300), event.clientX - chart.getBoundingClientRect().left - ticks.offsetLeft);
}, { passive: false });
chart.addEventListener('click', event => {
  const bar = barAt(event.target);
  if (!bar) return;
  view.focus = bar;
  mark();
  openPanel(bar);
});
chart.addEventListener('pointermove', event => {
  const bar = barAt(event.target);
  if (bar && event.pointerType === 'mouse') showTip(bar, event.clientX, event.clientY);
  else hideTip();
});
chart.addEventListener('pointerleave', hideTip);
chart.addEventListener('focusin', event => {
  const bar = barAt(event.target);
  if (!bar) return;
  view.focus = bar;
  mark();
  const box = event.target.getBoundingClientRect();
  if (event.target.matches(':focus-visible')) showTip(bar, Math.max(box.left, chart.getBoundingClientRect().left + ticks.offsetLeft), box.bottom - 16);
});
chart.addEventListener('focusout', hideTip);
document.addEventListener('keydown', event => {
  if (event.key !== 'Escape') return;
  hideTip();
  closePanel();
});

// For printing, everything is drawn in the available width.
let onScreen = 1;
addEventListener('beforeprint', () => {
  onScreen = view.zoom;
  view.all = true;
  document.querySelectorAll('details').forEach(e => { e.open = true; });
  zoomTo(1);
  redraw();
});
addEventListener('afterprint', () => {
  view.all = false;
  redraw();
  zoomTo(onScreen);
});

if (anything) {
  new ResizeObserver(redraw).observe(chart);
  redraw();
  zoomTo(1);
}
