/** Runs a load test: many clients in worker processes, one report. */
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { messageOf, RemoteError } from '../base/errors.ts';
import type { Log } from '../host/log.ts';
import { epochMs } from './client-context.ts';
import type { Target } from './handshake.ts';
import { clientsOf, type LoadTestConfig, workerCount } from './plan.ts';
import { checkLimits, type ReadText } from './preflight.ts';
import { createProgressMeter, type LoadTestPhase, type Progress } from './progress.ts';
import type { LoadTestReport } from './report.ts';
import { type Totals, totalsOf } from './totals.ts';
import { failuresOf, verdictOf } from './verdict.ts';
import { WorkerPool } from './worker-pool.ts';

/** What a load test needs from its caller. */
export interface LoadTestDeps {
  /** Ends the run early; the report is still made, within 2 s. */
  readonly signal: AbortSignal;
  /** Called every `reportIntervalMs`. */
  readonly onProgress: (progress: Progress) => void;
  readonly log: Log;
  /** Reads files of /proc; default: the real ones. */
  readonly readText?: ReadText;
  /** Told the process ids of the workers. */
  readonly onWorkers?: (pids: readonly number[]) => void;
}

/** What the phases of a run measured. */
interface RunTimes {
  readonly startedAtMs: number;
  holdMs: number;
  durationMs: number;
}

/** How long events that are on their way at the end of the hold phase may take. */
const settleMs = 2_000;
/** Room for the workers' answers above the time that they take themselves. */
const answerMs = 500;
const stopMs = 1_500;
const startDelayMs = 20;
const never = new AbortController().signal;

/**
 * Runs one load test. Throws a PreflightError when this machine cannot do it and a RemoteError
 * when the host name cannot be resolved; everything else that goes wrong is in the report.
 */
export async function runLoadTest(
  config: LoadTestConfig,
  deps: LoadTestDeps,
): Promise<LoadTestReport> {
  const { signal, log } = deps;
  const { connections } = config;
  const workers = workerCount(config, availableParallelism());
  const shares = Array.from({ length: workers }, (_, worker) => {
    return clientsOf(worker, workers, connections).length;
  });
  await checkLimits({ connections, perWorker: Math.max(...shares) }, deps.readText ?? readProc);
  const target = await resolveTarget(config.url);
  await using pool = new WorkerPool(shares);
  deps.onWorkers?.(pool.pids);
  await pool.waitUntil(() => pool.allSaid('ready'), signal);
  const times: RunTimes = { startedAtMs: epochMs() + startDelayMs, holdMs: 0, durationMs: 0 };
  log.info({ connections, workers, url: withoutQuery(config.url) }, 'opening connections');
  if (!signal.aborted) {
    pool.start({ workers, config, target, startAtMs: times.startedAtMs });
    await runPhases(pool, config, deps, times);
    times.durationMs = Math.max(0, epochMs() - times.startedAtMs);
  }
  const interrupted = signal.aborted;
  const failures: string[] = [];
  if (times.durationMs > 0) {
    pool.send({ kind: 'stop' });
    if (!(await pool.waitUntil(() => pool.allSaid('final'), never, stopMs))) {
      failures.push('a worker did not answer in time: its last figures are missing');
    }
  }
  const totals = totalsOf(pool.states());
  failures.push(...failuresOf(totals));
  const report = reportOf(config, totals, times, { workers, interrupted, failures });
  log.info({ verdict: report.verdict, received: report.messages.received }, 'load test ended');
  return report;
}

/** Ramp, hold, settle; each ends at once when the run is interrupted. */
async function runPhases(
  pool: WorkerPool,
  config: LoadTestConfig,
  { signal, onProgress, log }: LoadTestDeps,
  times: RunTimes,
): Promise<void> {
  const measure = createProgressMeter(config.connections);
  let phase: LoadTestPhase = 'ramp';
  const tell = () =>
    onProgress(measure(totalsOf(pool.states()), phase, epochMs() - times.startedAtMs));
  const timer = setInterval(tell, config.reportIntervalMs);
  const allDead = () => pool.states().every(({ exit }) => exit !== undefined);
  try {
    await pool.waitUntil(() => pool.allSettled(), signal);
    if (signal.aborted) return;
    const { opened, failed } = totalsOf(pool.states()).connections;
    log.info({ opened, failed }, 'holding connections');
    if (opened === 0) return;
    phase = 'hold';
    pool.send({ kind: 'hold' });
    const heldSinceMs = epochMs();
    await pool.waitUntil(allDead, signal, config.durationMs);
    times.holdMs = epochMs() - heldSinceMs;
    if (signal.aborted) return;
    phase = 'settle';
    pool.send({ kind: 'end-hold' });
    await pool.waitUntil(() => pool.allSaid('newest'), signal, settleMs);
    pool.send({ kind: 'settle', targets: pool.newest(), withinMs: settleMs });
    await pool.waitUntil(() => pool.allSaid('settled'), signal, settleMs + answerMs);
  } finally {
    clearInterval(timer);
  }
}

/** The address is looked up once, for all clients. */
async function resolveTarget(url: string): Promise<Target> {
  const { hostname, host, port, pathname, search } = new URL(url);
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  const found = { host, port: Number(port || 80), path: `${pathname}${search}` };
  if (isIP(name) !== 0) return { ...found, address: name };
  try {
    return { ...found, address: (await lookup(name)).address };
  } catch (error) {
    throw new RemoteError(`cannot resolve ${name}: ${messageOf(error)}`, {
      hint: 'check the host name in --url',
      cause: error,
    });
  }
}

async function readProc(path: string): Promise<string | undefined> {
  // Systems without /proc tell their limits elsewhere; errors then come up as they happen.
  return readFile(path, 'utf8').catch(() => undefined);
}

function reportOf(
  config: LoadTestConfig,
  totals: Totals,
  times: RunTimes,
  outcome: { workers: number; interrupted: boolean; failures: readonly string[] },
): LoadTestReport {
  const { latency, connect } = totals;
  const { workers, interrupted, failures } = outcome;
  const url = withoutQuery(config.url);
  return {
    schemaVersion: 1,
    startedAt: new Date(times.startedAtMs).toISOString(),
    durationMs: Math.round(times.durationMs),
    holdMs: Math.round(times.holdMs),
    url,
    config: { ...config, url },
    connections: { target: config.connections, ...totals.connections },
    messages: totals.messages,
    latencyMs: {
      ...percentilesOf(latency),
      mean: latency.meanMs,
      count: latency.count,
      negative: latency.negative,
    },
    connectMs: percentilesOf(connect),
    errors: totals.errors.list(),
    gaps: totals.gaps,
    generator: { workers, ...totals.generator },
    server: { closeCodes: Object.fromEntries(totals.closeCodes) },
    verdict: verdictOf(failures, interrupted),
    reasons: failures,
  };
}

/** The query may hold a token, which has no business in logs and reports. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '');
}

function percentilesOf(histogram: Totals['latency']) {
  return {
    p50: histogram.percentile(50),
    p95: histogram.percentile(95),
    p99: histogram.percentile(99),
    max: histogram.maxMs,
  };
}
