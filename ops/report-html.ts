import { connectors } from '../shared/connectors';
import { reasons } from '../shared/errors';
import type { Report, WindowReport } from '../shared/evidence/report';

/** The reconciliation report as one page without any other file: it opens in any browser and prints well. */

/** Everything in the report may come from a chat: nothing of it may become markup. */
const text = (value: string | number): string =>
  String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const number = (value: number) => value.toLocaleString('en-GB');
const percent = (part: number, whole: number) => (whole === 0 ? 0 : (100 * part) / whole);

export function reportPage(report: Report): string {
  const { from, to, at, totals, windows, failures, latencies, heads } = report;
  const isBalanced = totals.every(({ balanced }) => balanced);
  const range = `${from?.slice(0, 16).replace('T', ' ') ?? 'From the first window'} to ${to?.slice(0, 16).replace('T', ' ') ?? 'now'}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Reconciliation, ${text(range)}</title>
<style>${style}</style>
<header>
  <h1>Reconciliation of archived communications</h1>
  <p>${text(range)} (UTC). Made ${text(at.slice(0, 16).replace('T', ' '))} UTC.</p>
  <p class="${isBalanced ? 'good' : 'bad'}">${isBalanced ? 'Both sums of every window balance.' : 'Not every window is closed and balanced: see the table.'}</p>
</header>
<section class="cards">
${totals.map(card).join('\n')}
</section>
<section>
  <h2>Day by day</h2>
  ${chart(windows)}
</section>
<section>
  <h2>Windows</h2>
  <table>
    <thead><tr><th>Day<th>Connector<th>Window (UTC)<th class="n">Batches<th class="n">Available from source<th class="n">Delivered<th class="n">Failed<th class="n">Events<th class="n">Available for import after fan-out<th class="n">Imported<th class="n">Partially imported<th class="n">Skipped<th class="n">Failed<th>Balanced</tr></thead>
    <tbody>
${windows.map(windowRow).join('\n')}
    </tbody>
  </table>
  <p class="note">The source states no count of its own for these windows, so that what it declared cannot stand beside what arrived.</p>
</section>
<section>
  <h2>Failures</h2>
  ${failures.length === 0 ? '<p>None: no item of these windows is in quarantine.</p>' : failureTable(report)}
</section>
<section>
  <h2>Time from arrival to mailbox</h2>
  <table>
    <thead><tr><th>Connector<th class="n">Items<th class="n">Median<th class="n">95 %<th class="n">Longest</tr></thead>
    <tbody>
${latencies.map((one) => `<tr><td>${text(connectors[one.connector].network)}<td class="n">${number(one.items)}<td class="n">${duration(one.medianMs)}<td class="n">${duration(one.p95Ms)}<td class="n">${duration(one.maxMs)}</tr>`).join('\n')}
    </tbody>
  </table>
</section>
<footer>
  <p>Heads of the chains of custody: ${Object.entries(heads)
    .map(([id, head]) => `${text(id)} <code>${text(head ?? 'no manifest yet')}</code>`)
    .join(', ')}</p>
</footer>
</html>
`;
}

const style = `
:root { --ink: #1b1f24; --faint: #5b6570; --line: #d5dae0; --good: #1a7f37; --bad: #b42318; --bar: #2f6fb5; --fail: #d1542c; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --faint: #9aa4af; --line: #363d45; --good: #57c27a; --bad: #ff8a75; --bar: #6aa7e8; --fail: #f08a63; --paper: #15181c; } }
@media print { :root { --ink: #000; --faint: #444; --line: #bbb; --paper: #fff; } section { break-inside: avoid; } thead { display: table-header-group; } body { font-size: 9pt; } }
@page { size: A4 landscape; margin: 12mm; }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 1200px; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } header p { margin: .2rem 0; color: var(--faint); }
header p.good, td.good { color: var(--good); font-weight: 600; } header p.bad, td.bad { color: var(--bad); font-weight: 600; }
.cards { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: 1rem; }
.card { flex: 1 1 22rem; border: 1px solid var(--line); border-radius: 8px; padding: 1rem; }
.card h3 { margin: 0 0 .5rem; } .card dl { display: grid; grid-template-columns: 1fr auto; gap: .1rem 1rem; margin: 0; } .card dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; } .card .sub { padding-left: 1rem; color: var(--faint); }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid var(--line); } th { font-size: .8rem; color: var(--faint); font-weight: 600; } .n { text-align: right; font-variant-numeric: tabular-nums; } td.n { white-space: nowrap; }
td { overflow-wrap: anywhere; } .note, footer { color: var(--faint); font-size: .85rem; } code { overflow-wrap: anywhere; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: var(--faint); } .bar { fill: var(--bar); } .fail { fill: var(--fail); } .axis { stroke: var(--line); }
`;

function card(total: Report['totals'][number]): string {
  const { items, deliveries } = total;
  const line = (label: string, value: number, sub = false) =>
    `<dt${sub ? ' class="sub"' : ''}>${label}<dd>${number(value)}`;
  return `<div class="card"><h3>${text(connectors[total.connector].network)}</h3><dl>
${[
  line('Available from source', items.available),
  line('delivered', items.delivered, true),
  line('failed', items.failed, true),
  line('device events, never imported', items.events, true),
  line('Available for import after fan-out', deliveries.expected),
  line('imported', deliveries.imported, true),
  line('partially imported', deliveries.partial, true),
  line('skipped (duplicates)', deliveries.skipped, true),
  line('failed', deliveries.failed, true),
  line('Items in quarantine', total.quarantined),
].join('\n')}
</dl></div>`;
}

function windowRow(window: WindowReport): string {
  const { items, deliveries } = window;
  const verdict = window.open > 0 ? `${window.open} open` : window.balanced ? 'yes' : 'no';
  const cells = [items.available, items.delivered, items.failed, items.events];
  const sums = [
    deliveries.expected,
    deliveries.imported,
    deliveries.partial,
    deliveries.skipped,
    deliveries.failed,
  ];
  const cause = window.cause === 'backfill' ? ' (fetched again)' : '';
  return `<tr><td>${text(window.day)}<td>${text(connectors[window.connector].network)}<td>${text(window.from.slice(5, 16).replace('T', ' '))} – ${text(window.to.slice(5, 16).replace('T', ' '))}${cause}<td class="n">${number(window.batches)}${[...cells, ...sums].map((value) => `<td class="n">${number(value)}`).join('')}<td class="${window.balanced ? 'good' : 'bad'}">${verdict}</tr>`;
}

function failureTable({ failures }: Report): string {
  const rows = failures.map(
    ({ day, connector, batch, position, sourceId, sourceUsers, users, reason, detail }) =>
      `<tr><td>${text(day)}<td>${text(connector)}/${batch}/${position}<td>${text(sourceId)}<td>${sourceUsers.map(text).join('<br>')}<td>${users.map(text).join('<br>')}<td title="${text(reasons[reason])}">${text(reason)}<td>${text(detail)}</tr>`,
  );
  return `<table>
    <thead><tr><th>Day<th>Place<th>Item id<th>Source users<th>Microsoft 365 users<th>Reason<th>Detail</tr></thead>
    <tbody>
${rows.join('\n')}
    </tbody>
  </table>`;
}

/** Items per day: what was delivered, and on top of it what failed. */
function chart(windows: readonly WindowReport[]): string {
  const days = new Map<string, { delivered: number; failed: number }>();
  for (const { day, items } of windows) {
    const known = days.get(day) ?? { delivered: 0, failed: 0 };
    days.set(day, { delivered: known.delivered + items.delivered, failed: known.failed + items.failed });
  }
  const all = [...days].toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (all.length === 0) return '<p>No window.</p>';
  const [width, height, left, bottom] = [1000, 220, 50, 30];
  const most = Math.max(1, ...all.map(([, { delivered, failed }]) => delivered + failed));
  const step = (width - left) / all.length;
  const scale = (value: number) => ((height - bottom - 10) * percent(value, most)) / 100;
  const every = Math.ceil(all.length / 12);
  const bars = all.map(([day, { delivered, failed }], index) => {
    const x = left + index * step + step * 0.15;
    const wide = Math.min(step * 0.7, 60);
    const base = height - bottom;
    const label = index % every === 0 ? `<text x="${x}" y="${height - 10}">${text(day.slice(5))}</text>` : '';
    return `<g><title>${text(day)}: ${number(delivered)} delivered, ${number(failed)} failed</title><rect class="bar" x="${x}" y="${base - scale(delivered)}" width="${wide}" height="${scale(delivered)}"/><rect class="fail" x="${x}" y="${base - scale(delivered + failed)}" width="${wide}" height="${scale(failed)}"/>${label}</g>`;
  });
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Items per day: delivered and failed">
<line class="axis" x1="${left}" y1="${height - bottom}" x2="${width}" y2="${height - bottom}"/>
<text x="0" y="20">${number(most)}</text><text x="0" y="${height - bottom}">0</text>
${bars.join('\n')}
</svg>
<p class="note">Blue: items delivered to at least one mailbox. Orange: items delivered to none.</p>`;
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
