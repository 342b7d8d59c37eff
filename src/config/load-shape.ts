/** The shape of a load as people write it: `60s:1000` is a stage. */
import { maxTimerMs, parseDurationMs } from '../base/units.ts';

/** What one `--stage` asks for. */
export interface StageText {
  /** As it is called in thresholds and reports: its own name, or `stage2`. */
  readonly name: string;
  readonly lengthMs: number;
  /** Clients at its end. */
  readonly clients: number;
}

const stagePattern = /^(?:(?<name>[A-Za-z][\w-]*)=)?(?<length>[\d.hms]+):(?<clients>\d{1,7})$/;

/**
 * The stages of a list such as `30s:500`, `peak=1m:1000`, `0s:0`; what is wrong, as a text, when one
 * cannot be read or two have the same name.
 */
export function parseStages(texts: readonly string[]): readonly StageText[] | string {
  const stages: StageText[] = [];
  for (const [index, text] of texts.entries()) {
    const { name = `stage${index + 1}`, length = '', clients } = matchOf(stagePattern, text);
    const lengthMs = parseDurationMs(length);
    if (lengthMs === undefined) {
      return `${text}: expected length:clients such as 60s:1000, or name=60s:1000`;
    }
    if (stages.some((stage) => stage.name === name)) return `two stages are called ${name}`;
    stages.push({ name, lengthMs, clients: Number(clients) });
  }
  return stages;
}

function matchOf(pattern: RegExp, text: string): Readonly<Record<string, string | undefined>> {
  return pattern.exec(text)?.groups ?? {};
}

/** What says how many clients there are, and how many of them misbehave. */
interface Shares {
  readonly stages: readonly string[];
  readonly connections: number;
  readonly slowPercent: number;
  readonly halfOpenPercent: number;
}

/** The most clients at a time, and how many of them are of which kind: whole ones. */
export function clientKinds({ stages, connections, slowPercent, halfOpenPercent }: Shares) {
  const parsed = parseStages(stages);
  const own = typeof parsed === 'string' ? [] : parsed.map(({ clients }) => clients);
  const all = own.length > 0 ? Math.max(...own) : connections;
  const upTo = (percent: number) => Math.round((all * percent) / 100);
  const good = upTo(100 - slowPercent - halfOpenPercent);
  const readers = upTo(100 - halfOpenPercent);
  return { all, good, slow: readers - good, halfOpen: all - readers };
}

/** A share of the clients that leaves and returns at once, again and again. */
export interface Storm {
  readonly everyMs: number;
  /** Of the clients that are open, above 0 and at most 100. */
  readonly percent: number;
}

/** So long before the end of what is measured there is no storm: who dropped out is back by then. */
const calmBeforeEndMs = 200;

/** How many storms there are while `lengthMs` are measured. */
export function stormsIn({ everyMs }: Storm, lengthMs: number): number {
  return Math.max(0, Math.floor((lengthMs - calmBeforeEndMs) / everyMs));
}

/** What `30s:20%` (or `every 30s:20%`) asks for. */
export function parseStorm(text: string): Storm | undefined {
  const pattern = /^(?:every\s+)?(?<every>[\d.hms]+):(?<percent>\d+(\.\d+)?)%$/;
  const { every = '', percent } = matchOf(pattern, text);
  const storm = { everyMs: parseDurationMs(every) ?? 0, percent: Number(percent) };
  const isTimely = storm.everyMs >= 100 && storm.everyMs <= maxTimerMs;
  return isTimely && storm.percent > 0 && storm.percent <= 100 ? storm : undefined;
}

/** Clients that drop a channel each and take it back, again and again. */
export interface Churn {
  /** Channels dropped per second by all clients together, above 0 and at most 10 000. */
  readonly perSecond: number;
  /** From the acknowledgement until the same channel is asked for again. */
  readonly awayMs: number;
}

/** Clients that there are for a while. */
export interface Stay {
  readonly from: number;
  readonly to: number;
  readonly lengthMs: number;
}

/**
 * How many channels clients can drop in some stays, one after the other, however fast a server is: one
 * each, and one more for each time that they can have been away.
 */
export function mostDrops({ awayMs }: Churn, stays: readonly Stay[]): number {
  if (awayMs === 0) return Number.POSITIVE_INFINITY;
  let before = 0;
  let most = 0;
  for (const { from, to, lengthMs } of stays) {
    most += Math.max(0, from - before) + Math.max(0, to - from);
    most += (((from + to) / 2) * lengthMs) / awayMs;
    before = to;
  }
  return most;
}

/** What `5/s` or `5/s:250ms` (away for so long, a second otherwise) asks for. */
export function parseChurn(text: string): Churn | undefined {
  const pattern = /^(?<rate>\d{1,5}(\.\d+)?)\/s(?::(?<away>[\d.hms]+))?$/;
  const { rate, away = '1s' } = matchOf(pattern, text);
  const churn = { perSecond: Number(rate), awayMs: parseDurationMs(away) ?? Number.NaN };
  const isRate = churn.perSecond > 0 && churn.perSecond <= 10_000;
  return isRate && churn.awayMs <= 3_600_000 ? churn : undefined;
}
