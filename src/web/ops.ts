/** The operator's page at `/ops`: one look at `/api/status` a second, drawn. */
import type { StatusReport } from '../protocol/status-report.ts';
import { byId, element, say } from './dom.ts';
import { Figures } from './figures.ts';
import { Notices } from './notices.ts';
import { age, clock, count, mebibytes, percent, short, time } from './numbers.ts';
import { Chart } from './ops/chart.ts';
import { chartPlans } from './ops/chart-plans.ts';
import { type Silence, type StatusSample, sampleOf } from './ops/status-sample.ts';
import { showTables } from './ops/tables.ts';
import { TokenForm } from './token-form.ts';

/** Times in milliseconds; a page that nobody looks at asks less often. */
const periodMs = 1_000;
const hiddenPeriodMs = 5_000;
const timeoutMs = 5_000;
/** Seconds that an answer may take before what is shown passes for old; slept ones do not count. */
const patienceTicks = 3;
/** Ten minutes. */
const maxSamples = 600;

const figures = new Figures();
const notices = new Notices();
const samples: (StatusSample | Silence)[] = [];
let charts: readonly Chart[] = [];
let shardsShown: number | undefined;
/** In the memory of this page only: neither storage nor address ever holds it. */
let token: string | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
/** Seconds that the look under way has taken; undefined while there is none. */
let asking: number | undefined;
/** When the last report came, on the monotonic clock. */
let answeredMs: number | undefined;
let isStale = false;
const form = new TokenForm({
  title: 'For operators',
  text: 'From this address, odin shows its figures to whoever has the ADMIN_TOKEN of the server. It stays in the memory of this page, until you leave it.',
  label: 'Admin token',
  button: 'Show',
  onToken: (given) => {
    token = given;
    void look();
  },
});

/** Asks once, and says what came of it. */
async function look(): Promise<void> {
  asking = 0;
  const answer = await ask();
  asking = undefined;
  if (answer === 'refused') refused();
  else if (answer === 'silent') silent();
  else take(answer);
}

async function ask(): Promise<StatusReport | 'refused' | 'silent'> {
  try {
    const response = await fetch(new URL('api/status?sections=clients', location.href), {
      cache: 'no-store',
      signal: AbortSignal.timeout(timeoutMs),
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    });
    if (response.ok) return (await response.json()) as StatusReport;
    return response.status === 403 ? 'refused' : 'silent';
  } catch {
    return 'silent';
  }
}

/** One look at a time, however often a token is given. */
function lookAgain(afterMs: number): void {
  clearTimeout(timer);
  timer = setTimeout(look, afterMs);
}

function take(report: StatusReport): void {
  const last = samples.at(-1)?.report;
  form.element.remove();
  notices.show('connection', '');
  byId('report').hidden = false;
  answeredMs = performance.now();
  markStale(false);
  if (shardsShown !== report.shards.length) drawCharts(report.shards.length);
  const sample = sampleOf(report, last);
  keep(sample);
  showFigures(sample);
  showTables(sample);
  say(byId('node'), `${report.node}, ${report.mode === 'multi' ? 'mode multi' : 'one process'}`);
  state(report.ready ? 'open' : 'waiting', report.ready ? 'Ready' : 'Not ready');
  lookAgain(document.hidden ? hiddenPeriodMs : periodMs);
}

function silent(): void {
  showStale();
  keep({ ms: Date.now() });
  lookAgain(periodMs);
}

/** A server that stands still answers nothing and closes nothing: its figures would pass for new. */
function tick(): void {
  if (asking !== undefined) asking++;
  if (isStale || (asking ?? 0) >= patienceTicks) showStale();
}

function showStale(): void {
  markStale(true);
  state('offline', 'No answer');
  const shown = samples.findLast(({ report }) => report !== undefined);
  const since = shown && ` What is shown is of ${clock(shown.ms)}.`;
  notices.show('connection', `The server does not answer.${since ?? ''}`);
  if (answeredMs === undefined) return;
  figures.show('Last answer', `${age(performance.now() - answeredMs)} ago`, true);
  // What is told of now is not known now.
  for (const name of ['Messages / s', 'Latency p99']) figures.show(name, '–');
}

function markStale(now: boolean): void {
  isStale = now;
  byId('report').dataset['stale'] = String(now);
}

/** Nothing is asked any more until there is a token. */
function refused(): void {
  markStale(false);
  state('closed', 'Needs a token');
  byId('report').hidden = true;
  if (!window.isSecureContext) return byId('ops').prepend(insecure());
  if (!form.element.isConnected) byId('ops').prepend(form.element);
  if (token !== undefined) form.complain('The server does not take this token.');
  token = undefined;
}

/** Whoever listens on the way would have the token: it is not even asked for. */
function insecure(): HTMLElement {
  const port = location.port || '80';
  const tunnel = `ssh -L ${port}:127.0.0.1:${port} ${location.hostname}`;
  const lines = [
    'From this address, odin shows its figures to whoever has its ADMIN_TOKEN. This connection is not encrypted, so do not send it here: anybody on the way could read it.',
    'Come over https (a proxy with TLS, or --tls-cert and --tls-key), or through a tunnel, which needs no token:',
  ];
  return element('section', 'panel', {
    children: [
      element('h2', '', { text: 'For operators' }),
      ...lines.map((text) => element('p', '', { text })),
      element('p', '', { children: [element('code', '', { text: tunnel })] }),
      element('p', '', { text: `and then http://127.0.0.1:${port}/ops` }),
    ],
  });
}

function keep(sample: StatusSample | Silence): void {
  samples.push(sample);
  if (samples.length > maxSamples) samples.shift();
  for (const chart of charts) chart.show(samples);
}

function drawCharts(shards: number): void {
  shardsShown = shards;
  charts = chartPlans(shards).map((plan) => new Chart(plan));
  byId('charts').replaceChildren(...charts.map((chart) => chart.element));
}

function showFigures({ report, deliveredPerSecond, p99Ms }: StatusSample): void {
  const { connections, broker, guard } = report;
  const lag =
    broker.lag_s > 0 ? `${count(broker.lag_records)} · ${time(broker.lag_s * 1_000)}` : '0';
  figures.show('Connections', `${count(connections.current)} / ${short(connections.max)}`);
  figures.show('Messages / s', short(deliveredPerSecond));
  figures.show('Latency p99', time(p99Ms));
  figures.show(
    'Broker',
    broker.paused ? 'paused' : broker.connected ? broker.kind : 'away',
    !broker.connected || broker.paused,
  );
  figures.show('Lag', lag, broker.lag_s > 1);
  figures.show('CPU', percent(guard.cpu_percent));
  figures.show('Memory', mebibytes(guard.memory_bytes));
  figures.show('Guard', guard.level === 0 ? 'calm' : `level ${guard.level}`, guard.level > 0);
  figures.show('Up', age(report.uptime_s * 1_000));
  figures.show('Last answer', 'now');
}

function state(name: string, text: string): void {
  const line = byId('state');
  line.dataset['state'] = name;
  say(line, text);
}

setInterval(tick, 1_000);
void look();
