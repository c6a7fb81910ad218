// Looks at pages of package html in Debian's chromium: node page.mjs FOLDER. Package html's TestInBrowser runs it, and puts
// small.html, evil.html, nothing.html and large.html into FOLDER. It prints one JSON object: what was wrong, and what was measured.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { chromium } = createRequire(join(process.env.PLAYWRIGHT, 'x.js'))('playwright-core');
const folder = process.argv[2];
const wrong = [], measured = {};

function check(what, ok, seen) {
  if (!ok) wrong.push(seen === undefined ? what : `${what}: ${JSON.stringify(seen)}`);
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });

// open shows a page, of which every word on the console, every dialog and every request is a mistake.
async function open(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  page.on('console', m => wrong.push(`${name}: the console says: ${m.text()}`));
  page.on('pageerror', e => wrong.push(`${name}: ${e}`));
  page.on('dialog', d => { wrong.push(`${name}: a dialog: ${d.message()}`); d.dismiss(); });
  page.on('request', r => { if (!r.url().startsWith('file:') && !r.url().startsWith('data:')) wrong.push(`${name}: asks for ${r.url()}`); });
  page.session = await context.newCDPSession(page);
  await page.session.send('Performance.enable');
  await page.goto(pathToFileURL(join(folder, name)).href);
  await page.waitForSelector('.bar, #nothing:not([hidden])', { state: 'attached' });
  return page;
}

const bar = (page, host, title) => page.locator('.row', { has: page.locator('.host b', { hasText: new RegExp(`^${host}$`) }) })
  .locator('.bar', { hasText: title }).first();
const focused = page => page.evaluate(() => document.activeElement.getAttribute('aria-label') || document.activeElement.id);

// Bars are where the times say: the events are those of film_test.go, in which the run takes 9 s.
async function positions(page) {
  const track = await page.locator('.row .track').first().boundingBox();
  const rows = await page.locator('.row').count();
  check('rows', rows === 2, rows);
  for (const [host, title, from, to] of [
    ['web1', 'clone', 1, 2], ['web1', 'install', 2, 5], ['web2', 'install', 2, 5], ['web1', 'switch', 5, 7], ['web2', 'switch', 7, 9],
    ['web1', 'check', 5.5, 7], ['web2', 'wait for the lock', 1.2, 1.8],
  ]) {
    const box = await bar(page, host, title).boundingBox();
    const near = (a, b) => Math.abs(a - b) < 1.5;
    check(`${title} on ${host}`, near(box.x, track.x + track.width * from / 9) && near(box.width, track.width * (to - from) / 9), box);
  }
  const [outer, inner] = [await bar(page, 'web1', 'switch').boundingBox(), await bar(page, 'web1', 'check').boundingBox()];
  check('the check hangs below the switch', inner.y >= outer.y + outer.height, [outer, inner]);
  check('the check waits', await bar(page, 'web1', 'check').evaluate(e => e.classList.contains('waits')));
  check('the check failed', await bar(page, 'web2', 'check').evaluate(e => e.classList.contains('failed')));
}

async function details(page) {
  await bar(page, 'web1', 'install').hover();
  check('the tip', (await page.locator('#tip').innerText()).includes('pip install'), await page.locator('#tip').innerText());
  await bar(page, 'web1', 'install').click();
  const panel = await page.locator('#panel').innerText();
  for (const want of ['pip install -r requirements.txt', 'exit status 0', 'recipes/lib/build.lua:30', '<script>alert(1)</script> on web1', '1.0 s typically in the previous run']) {
    check(`the panel has ${want}`, panel.includes(want), panel);
  }
  await page.keyboard.press('Escape');
  check('Escape closes the panel', await page.locator('#panel').isHidden());
  check('the focus is back', /^install, web1/.test(await focused(page)), await focused(page));
}

async function keyboard(page) {
  const seen = [];
  for (const key of ['ArrowRight', 'ArrowDown', 'ArrowRight', 'Home', 'End', 'ArrowUp']) {
    await page.keyboard.press(key);
    seen.push((await focused(page)).split(': ')[0]);
  }
  const want = ['switch to 20260105-120000, web1', 'switch to 20260105-120000, web2', 'check http://127.0.0.1:8001/health, web2',
    'connect, web2', 'check http://127.0.0.1:8001/health, web2', 'check http://127.0.0.1:8000/health, web1'];
  check('the arrow keys', JSON.stringify(seen) === JSON.stringify(want), seen);
  await page.keyboard.press('Enter');
  check('Enter opens', (await page.locator('#panel-title').innerText()).startsWith('check http://127.0.0.1:8000/health'));
  check('the panel has the focus', await focused(page) === 'panel-title', await focused(page));
  await page.keyboard.press('Escape');
  const before = await bar(page, 'web1', 'check').boundingBox();
  await page.keyboard.press('+');
  const after = await bar(page, 'web1', 'check').boundingBox();
  check('+ zooms', Math.abs(after.width / before.width - 1.5) < .05, [before, after]);
  await page.keyboard.press('0');
  check('0 shows all', Math.abs((await bar(page, 'web1', 'check').boundingBox()).width - before.width) < 1);
  check('one bar can be reached by Tab', await page.locator('.bar[tabindex="0"]').count() === 1);
}

// What a screen reader is told, as Chromium computes it.
async function spoken(page) {
  const tree = await page.locator('#chart').ariaSnapshot();
  for (const want of ['grid "Timeline"', 'rowheader "web1 released"', 'gridcell "install, web1: done, 3.0 s, from 2.0 s"', 'gridcell "check http://127.0.0.1:8001/health, web2: failed']) {
    check(`it is said: ${want}`, tree.includes(want), tree);
  }
  const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, [role=region]')]
    .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML));
  check('everything has a name', nameless.length === 0, nameless);
}

async function narrow() {
  const page = await open('small.html', { viewport: { width: 400, height: 800 }, colorScheme: 'dark', hasTouch: true });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  check('nothing is wider than 400 px', width <= 400, width);
  const track = await page.locator('.row .track').first().boundingBox();
  check('the track has room', track.width > 320, track);
  await bar(page, 'web2', 'install').tap();
  const panel = await page.locator('#panel').boundingBox();
  check('the panel fits', panel.x >= 0 && panel.x + panel.width <= 400 && panel.y > 0, panel);
  check('dark is dark', await page.evaluate(() => getComputedStyle(document.body).backgroundColor) === 'rgb(19, 20, 22)');
  await page.context().close();
}

async function large() {
  const page = await open('large.html');
  measured.large = await page.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000)))));
  measured.busy = (await page.session.send('Performance.getMetrics')).metrics.find(m => m.name === 'ThreadTime').value;
  const drawn = await page.locator('.row').count();
  check('only what can be seen is drawn', drawn < 60, drawn);
  await page.evaluate(() => { document.getElementById('chart').scrollTop = 1e9; });
  await page.waitForSelector('.row[aria-rowindex="1000"]');
  await page.fill('#find', 'web0500');
  check('the filter', await page.locator('.row').count() === 1, await page.locator('.row').count());
  check('the row', (await page.locator('.row .host').innerText()).startsWith('web0500'));
  check('its bars', await page.locator('.row .bar').count() === 20);
  await page.context().close();
}

async function printed(page) {
  await page.emulateMedia({ media: 'print' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  check('the chart is whole on paper', await page.locator('#chart').evaluate(e => e.scrollHeight <= e.clientHeight + 1));
  check('no buttons on paper', await page.locator('.tools').isHidden());
}

try {
  const page = await open('small.html');
  await positions(page);
  await details(page);
  await keyboard(page);
  await spoken(page);
  await printed(page);
  await page.context().close();
  await narrow();
  const evil = await open('evil.html');
  await evil.locator('.bar').first().click();
  check('text is text', (await evil.locator('#panel').innerText()).includes('<script>alert(1)</script>'));
  await evil.context().close();
  const nothing = await open('nothing.html');
  check('nothing is said of nothing', await nothing.locator('#nothing').isVisible());
  await nothing.context().close();
  await large();
} catch (e) {
  wrong.push(String(e.stack || e));
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify({ wrong, measured }) + '\n');
