/** How a running load test shows: a view on a terminal, a line per interval elsewhere. */
import { Writable } from 'node:stream';
import { messageOf } from '../base/errors.ts';
import type { Config } from '../config/schema.ts';
import type { Host, Output } from '../host/host.ts';
import { createProgressLine } from '../host/progress-line.ts';
import { chooseProductionReact } from '../host/react-mode.ts';
import { formatProgress, type Progress } from '../loadtest/live/progress.ts';
import type { ServerCounts, Testimony } from '../loadtest/truth/witnesses.ts';
import type { Count, LoadTestFigures } from '../tui/loadtest-figures.ts';

/** Shows a run until it is disposed, which may be done again. */
export interface LoadTestDisplay extends AsyncDisposable {
  /** Where logs go meanwhile: what has the screen must not be written over. */
  readonly stderr: Output;
  readonly onProgress: (progress: Progress) => void;
  /** Takes where the metrics of the run are: a port of 0 is another one each time. */
  readonly onMetrics: (url: string) => void;
  /** Undefined where nobody wants to know. */
  readonly onServer: ((said: Testimony<ServerCounts>) => void) | undefined;
}

/** Log lines kept while the view has the screen; older ones are left out. */
const maxHeldLines = 1_000;
/** Intervals that the courses of the view show at most. */
const maxCourse = 60;

/** A view where there is somebody to look at it; `isPlain` asks for lines all the same. */
export async function openDisplay(
  host: Host,
  { url, reportIntervalMs }: Pick<Config['loadtest'], 'url' | 'reportIntervalMs'>,
  isPlain: boolean,
): Promise<LoadTestDisplay> {
  const { stdin, stderr, env } = host;
  const isWatched = stderr.isTTY === true && stdin.isTTY === true && env['TERM'] !== 'dumb';
  return isWatched && !isPlain && !env['CI']
    ? await openView(host, url)
    : openLines(host, reportIntervalMs);
}

function openLines({ stderr }: Host, intervalMs: number): LoadTestDisplay {
  const line = createProgressLine(stderr);
  const columns = () => (stderr.isTTY === true ? (stderr.columns ?? 80) - 1 : 0);
  return {
    stderr,
    onProgress: (progress) =>
      line.show(formatProgress(progress, { columns: columns(), intervalMs })),
    onMetrics: (url) => void stderr.write(`metrics at ${url}\n`),
    onServer: undefined,
    async [Symbol.asyncDispose]() {
      line[Symbol.dispose]();
    },
  };
}

/** The view stays until the run is over or Ctrl-C is pressed; a second Ctrl-C then is a signal. */
async function openView(host: Host, url: string): Promise<LoadTestDisplay> {
  chooseProductionReact();
  const { showLoadTest } = await import('../tui/loadtest-view.tsx');
  const end = new AbortController();
  let figures = startingFigures(url);
  const held = new HeldOutput();
  const shown = showLoadTest({
    look: () => figures,
    // What it draws must not get into a report that is written to a file.
    terminal: { ...host, stdout: host.stderr, signal: AbortSignal.any([host.signal, end.signal]) },
    onInterrupt: host.interrupt,
    env: host.env,
    hasColor: host.hasColor,
  }).catch(messageOf);
  const leave = async () => {
    end.abort();
    // The figures of a run are worth more than a view that cannot draw them.
    const failure = await shown;
    held.release(host.stderr);
    if (failure !== undefined) host.stderr.write(`warning: the view ended: ${failure}\n`);
  };
  let left: Promise<void> | undefined;
  return {
    stderr: held,
    onProgress(progress) {
      const { server, metricsUrl } = figures;
      figures = { ...figuresOf(progress, url), server, metricsUrl };
    },
    onMetrics(url) {
      figures = { ...figures, metricsUrl: url };
    },
    onServer(said) {
      figures = { ...figures, server: 'complaint' in said ? said.complaint : said };
    },
    [Symbol.asyncDispose]() {
      left ??= leave();
      return left;
    },
  };
}

/** Takes lines while the screen is taken, and hands them on afterwards. */
class HeldOutput extends Writable {
  #lines: string[] = [];
  #leftOut = 0;

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.#lines.push(String(chunk));
    if (this.#lines.length > maxHeldLines) {
      this.#lines.shift();
      this.#leftOut++;
    }
    done();
  }

  release(output: Output): void {
    if (this.#leftOut > 0) output.write(`${this.#leftOut} earlier log lines were left out\n`);
    for (const line of this.#lines) output.write(line);
    this.#lines = [];
  }
}

function startingFigures(url: string): LoadTestFigures {
  return {
    ...{ url: url.replace(/\?.*$/s, ''), phase: 'starting', stage: 'starting', elapsedMs: 0 },
    clients: { target: 0, active: 0, failed: 0, vanished: 0, dropped: 0, reconnected: 0 },
    ...{ kinds: [], connect: undefined, latency: undefined, eventsPerSecond: 0, received: 0 },
    ...{ rates: [], latencyP99s: [], delivery: [], errors: [], server: undefined },
    metricsUrl: undefined,
    generator: { workers: 0, cpuPercent: 0, loopDelayP99Ms: 0, rssBytes: 0 },
  };
}

function figuresOf(progress: Progress, url: string): LoadTestFigures {
  const { totals, points, phase, stage, elapsedMs, target, receivedPerSecond, kinds } = progress;
  const { connections, messages, connect, latency, generator } = totals;
  const recent = points.slice(-maxCourse);
  const { active, failed, vanished, dropped, reconnected } = connections;
  return {
    ...startingFigures(url),
    ...{ phase, stage, elapsedMs },
    clients: { target, active, failed, vanished, dropped, reconnected },
    kinds: kinds
      .filter(({ name }) => name !== '')
      .map(({ name, isGood, active: open, target: planned }) => ({
        ...{ name, active: open, target: planned, isApart: !isGood },
      })),
    connect: percentilesOf(connect),
    latency: percentilesOf(latency),
    eventsPerSecond: receivedPerSecond,
    received: messages.received,
    rates: recent.map((point) => point.receivedPerSecond),
    latencyP99s: recent.map(({ latencyP99Ms }) => latencyP99Ms ?? undefined),
    delivery: deliveryOf(messages),
    errors: totals.errors.list().map(({ class: name, example, count }) => ({
      name: `${name}: ${example}`,
      count,
      isBad: true,
    })),
    generator: { ...generator, workers: totals.workers },
  };
}

function deliveryOf(messages: Progress['totals']['messages']): Count[] {
  const { lost, duplicated, reordered, missedWhileDisconnected, unrecovered } = messages;
  const bad = { lost, twice: duplicated, 'out of order': reordered };
  const away = missedWhileDisconnected + unrecovered;
  return [
    ...Object.entries(bad).map(([name, count]) => ({ name, count, isBad: true })),
    ...[{ name: 'missed', count: away, isBad: true }].filter(({ count }) => count > 0),
    ...Object.entries({ healed: messages.healed, conflated: messages.skipped })
      .filter(([, count]) => count > 0)
      .map(([name, count]) => ({ name, count, isBad: false })),
  ];
}

function percentilesOf(histogram: Progress['totals']['latency']) {
  if (histogram.count === 0) return undefined;
  return { p50: histogram.percentile(50), p99: histogram.percentile(99), max: histogram.maxMs };
}
