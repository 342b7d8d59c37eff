/** Tables: shards, clients that lag, and the counts that tell of trouble. */
import type { StatusReport } from '../../protocol/status-report.ts';
import { byId, element } from '../dom.ts';
import { count, mebibytes, percent, short, time } from '../numbers.ts';
import type { StatusSample } from './status-sample.ts';

/** How much a client is spared, by its level. */
const levels = ['none', 'light', 'medium', 'heavy'] as const;

/** A number, with its unit if it has one; an address is none. */
const numeric = /^(–|(< )?[\d,]+(\.\d+)?[KMB]?( (ms|s|%|MiB))?)$/;

interface Row {
  readonly cells: readonly string[];
  readonly isBad?: boolean;
}

/** Brings the tables up to date. */
export function showTables(sample: StatusSample): void {
  const { report } = sample;
  byId('shards').hidden = report.shards.length === 0;
  fill('shards', 'Shards', shardHeader, shardRows(sample));
  const slow = clientRows(report);
  byId('clients').hidden = slow.length === 0;
  fill('clients', 'Clients that lag', clientHeader, slow);
  const rows = countRows(report);
  fill(
    'counts',
    'Refused, closed, left out',
    ['what', 'why', 'count'],
    rows.length > 0 ? rows : [{ cells: ['nothing', '', '0'] }],
  );
}

const shardHeader = [
  ...['shard', 'state', 'connections', 'msg/s', 'behind', 'CPU', 'memory'],
  ...['loop delay', 'feed lag', 'restarts', 'pid'],
];

function shardRows({ report, shardPerSecond }: StatusSample): Row[] {
  return report.shards.map((shard, at) => ({
    isBad: shard.state !== 'serving',
    cells: [
      ...[String(shard.shard), shard.state, count(shard.connections), short(shardPerSecond[at])],
      ...[count(shard.behind), percent(shard.cpu_percent), mebibytes(shard.memory_bytes)],
      ...[time(shard.loop_delay_ms), count(shard.feed_lag_events), count(shard.restarts)],
      shard.pid === null ? '–' : String(shard.pid),
    ],
  }));
}

const clientHeader = [
  ...['client', 'user', 'address', 'throttle', 'subscriptions'],
  ...['behind by events', 'by time', 'waiting bytes'],
];

function clientRows({ clients }: StatusReport): Row[] {
  return (clients?.rows ?? []).map((client) => ({
    isBad: client.throttle === 3,
    cells: [
      ...[client.client, client.user ?? 'anybody', client.address ?? 'gone'],
      ...[levels[client.throttle] ?? 'none', count(client.subscriptions)],
      ...[count(client.lag_events), time(client.lag_ms), short(client.buffered_bytes)],
    ],
  }));
}

/** Only what is not zero. */
function countRows({ connections, messages, recovery, guard }: StatusReport): Row[] {
  const labelled = (what: string, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([why, n]) => [what, why, n] as const);
  const all = [
    ...labelled('refused', connections.refused),
    ...labelled('closed', connections.closed),
    ['connections', 'lost with their process', connections.lost] as const,
    ['connections', 'fell behind the history', connections.fell_behind] as const,
    ...labelled('record skipped', messages.skipped),
    ...labelled('events spared', messages.spared),
    ['positions', 'gone from the broker before they were read', messages.lost_positions] as const,
    ['recoveries', 'incomplete', recovery.incomplete] as const,
    ['guard', 'clients shed', guard.shed] as const,
  ];
  return all
    .filter(([, , n]) => n > 0)
    .map(([what, why, n]) => ({ cells: [what, why.replaceAll('_', ' '), count(n)] }));
}

/** Makes the table anew where anything in it is new. */
function fill(id: string, name: string, header: readonly string[], rows: readonly Row[]): void {
  const place = byId(id).querySelector('.scroll') as HTMLElement;
  const key = JSON.stringify([header, rows]);
  if (place.dataset['shown'] === key) return;
  place.dataset['shown'] = key;
  // Wider than a phone: whoever has no pointer moves it with the arrow keys.
  place.tabIndex = 0;
  place.setAttribute('role', 'region');
  place.setAttribute('aria-label', name);
  const isNumber = header.map((_, at) => rows.every(({ cells }) => numeric.test(cells[at] ?? '')));
  const cells = (texts: readonly string[], tag: 'th' | 'td') =>
    texts.map((text, at) => {
      const attributes = tag === 'th' ? { scope: 'col' } : undefined;
      return element(tag, isNumber[at] ? 'n' : '', { text, ...(attributes && { attributes }) });
    });
  const head = element('thead', '', {
    children: [element('tr', '', { children: cells(header, 'th') })],
  });
  const body = element('tbody', '', {
    children: rows.map(({ cells: texts, isBad }) =>
      element('tr', isBad ? 'bad' : '', { children: cells(texts, 'td') }),
    ),
  });
  place.replaceChildren(element('table', '', { children: [head, body] }));
}
