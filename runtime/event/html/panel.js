// The panel with the details of a bar, and the tooltip under the pointer.
const panel = document.getElementById('panel'), panelTitle = document.getElementById('panel-title'), panelBody = document.getElementById('panel-body');
const tip = document.getElementById('tip');
let opened = null;

function fact(name, ...value) {
  return element('div', {}, element('dt', {}, name), element('dd', {}, ...value));
}

function commandElement(c) {
  const bad = c.error || c.code > 0;
  return element('article', { class: 'cmd' },
    element('pre', { class: 'typed', tabindex: '0', 'aria-label': 'command' }, c.typed),
    element('p', {},
      element('span', { class: bad ? 'bad' : '' }, c.code !== null ? 'exit status ' + c.code : c.error ? 'failed' : 'no end'),
      c.times > 1 && element('span', {}, c.times + ' times'), element('span', {}, duration(c.took)), element('span', {}, 'from ' + duration(c.begun)), c.line && element('span', {}, c.line)),
    c.error && element('pre', { class: 'bad' }, c.error),
    c.output ? element('pre', { class: 'output', tabindex: '0', 'aria-label': 'the end of its output' }, c.output.replace(/\n$/, '')) : undefined);
}

// together merges repeated commands, for example of a wait.
function together(runs) {
  const out = [];
  for (const c of runs) {
    const last = out.at(-1);
    if (last && last.typed === c.typed && last.line === c.line && last.code === c.code && !c.output && !last.output && !c.error) {
      last.times += 1;
      last.took = c.begun + c.took - last.begun;
    } else {
      out.push({ ...c, times: 1 });
    }
  }
  return out;
}

function innerElement(bar) {
  const button = element('button', { type: 'button' }, element('span', {}, bar.title), element('i', { class: bar.failed ? 'bad' : '' }, bar.failed ? 'failed, ' + duration(bar.took) : duration(bar.took)));
  button.addEventListener('click', () => openPanel(bar));
  return element('li', {}, button);
}

function comparison(bar) {
  const [, typical, before] = bar.group;
  if (bar.command && before < 0 && typical === bar.took) return null;
  const all = data.rows.length > 2 ? `${duration(typical)} typically on these hosts` : '';
  const then = before < 0 ? '' : `${duration(before)} typically in the previous run`;
  return [all, then].filter(Boolean).join('; ');
}

function section(title, ...children) {
  return children.length ? [element('h3', {}, title), ...children] : [];
}

function openPanel(bar) {
  opened = bar;
  const parent = bar.parent >= 0 ? bar.row.bars[bar.parent].title : '';
  panelTitle.replaceChildren(bar.title, element('small', {}, nameOf(bar.row) + (parent ? ' · in ' + parent : '')));
  const compared = comparison(bar);
  panelBody.replaceChildren(
    element('dl', { class: 'facts' },
      fact('outcome', element('span', { class: bar.failed ? 'bad' : '' }, outcome(bar))),
      fact('took', duration(bar.took)),
      compared && fact('compared', compared),
      fact('began', `after ${duration(bar.begun)}, at ${clock(bar.begun)}`),
      bar.line && fact('recipe line', element('code', {}, bar.line))),
    ...(bar.error ? [element('p', { class: 'failure' }, bar.error)] : []),
    ...section('Steps within', ...(bar.inner.length ? [element('ul', { class: 'inner' }, ...bar.inner.map(innerElement))] : [])),
    ...section(bar.runs.length === 1 ? 'Command' : `Commands (${bar.runs.length})`, ...together(bar.runs).map(commandElement)),
    ...section('Notes', ...(bar.notes.length ? [element('ul', { class: 'notes' }, ...bar.notes.map(n =>
      element('li', {}, element('span', { class: 'kind' }, n.kind), ' ' + n.text)))] : [])));
  if (!bar.runs.length && !bar.inner.length && !bar.notes.length) panelBody.append(element('p', { class: 'nothing' }, 'No commands were run in it.'));
  panel.hidden = false;
  panelBody.scrollTop = 0;
  showOpened();
  panelTitle.focus();
  hideTip();
}

function closePanel() {
  if (!opened) return;
  const bar = opened;
  opened = null;
  panel.hidden = true;
  showOpened();
  if (view.shown.includes(bar.row.index)) focusBar(bar);
}

// showOpened marks the bar whose panel is open.
function showOpened() {
  plane.querySelectorAll('.bar.open').forEach(e => e.classList.remove('open'));
  if (opened) elementOf(opened)?.classList.add('open');
}

function showTip(bar, x, y) {
  const detail = bar.error || (bar.runs.length ? bar.runs[bar.runs.length - 1].typed : '');
  tip.replaceChildren(element('b', {}, bar.title), `${nameOf(bar.row)} · ${duration(bar.took)} · from ${duration(bar.begun)} · ${outcome(bar)}`,
    detail && element('code', {}, detail.slice(0, 300)));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(12, Math.min(x + 14, innerWidth - box.width - 12)) + 'px';
  tip.style.top = (y + 22 + box.height > innerHeight ? y - box.height - 14 : y + 22) + 'px';
}

function hideTip() { tip.hidden = true; }
