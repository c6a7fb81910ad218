// The data of data.go: flat lists of numbers. A row is unpacked when it becomes visible.
const data = JSON.parse(document.getElementById('data').textContent);
const FAILED = 1, NO_END = 2, WAITS = 4, COMMAND = 8, NO_CODE = -(2 ** 20);
const text = i => data.texts[i];

function chunks(list, size, make) {
  const out = [];
  for (let i = 0; list && i < list.length; i += size) out.push(make(list.slice(i, i + size)));
  return out;
}

function unpack(packed, index) {
  const row = { index, host: text(packed.h), state: text(packed.s), tone: packed.t };
  row.alive = chunks(packed.a, 2, ([from, to]) => ({ from, to }));
  row.bars = chunks(packed.b, 9, ([title, group, begun, took, lane, parent, flags, line, error]) => ({
    row, title: text(title), group: data.groups[group], begun, took, lane, parent, line: text(line), error: text(error),
    failed: !!(flags & FAILED), noEnd: !!(flags & NO_END), waits: !!(flags & WAITS), command: !!(flags & COMMAND), runs: [], notes: [], inner: [],
  }));
  row.bars.forEach((bar, i) => {
    bar.index = i;
    if (bar.parent >= 0) row.bars[bar.parent].inner.push(bar);
  });
  chunks(packed.c, 8, ([bar, typed, line, begun, took, code, error, output]) =>
    row.bars[bar].runs.push({ typed: text(typed), line: text(line), begun, took, code: code === NO_CODE ? null : code, error: text(error), output: text(output) }));
  chunks(packed.n, 4, ([bar, kind, what, at]) => row.bars[bar].notes.push({ kind: text(kind), text: text(what), at }));
  return row;
}

const unpacked = new Map();
function rowAt(index) {
  if (!unpacked.has(index)) unpacked.set(index, unpack(data.rows[index], index));
  return unpacked.get(index);
}

// duration formats milliseconds like words in state.go.
function duration(ms) {
  if (ms < 100) return Math.round(ms) + ' ms';
  const s = ms / 1000;
  if (s < 10) return s.toFixed(1) + ' s';
  if (s < 60) return s.toFixed(0) + ' s';
  const two = n => String(n).padStart(2, '0');
  if (s < 3600) return Math.floor(Math.round(s) / 60) + ' min ' + two(Math.round(s) % 60) + ' s';
  const m = Math.round(s / 60);
  return Math.floor(m / 60) + ' h ' + two(m % 60) + ' min';
}

const clock = ms => new Date(data.begun + ms).toISOString().slice(11, 21) + ' UTC';
const nameOf = row => row.host || 'the run';
const outcome = bar => bar.failed ? 'failed' : bar.noEnd ? 'no end' : bar.waits ? 'done, after waiting' : 'done';

// element creates an element. Children are elements or strings; a string always becomes a text node.
function element(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) e.setAttribute(key, value);
  }
  e.append(...children.filter(c => c !== undefined && c !== null && c !== false && c !== ''));
  return e;
}
