/** Thresholds of a load test as people write them: `latency.p99 < 50ms & lost == 0 abort after 10s`. */
import leven from 'leven';
import { formatDuration, parseDurationMs } from '../base/units.ts';

const quantiles = ['p50', 'p90', 'p95', 'p99', 'p999', 'max', 'mean'] as const;
/** Times of which there are many. */
const timed = ['latency', 'connect', 'return', 'ack'] as const;
/** `lost` and the like: plain numbers over the whole run. */
const countMetrics = [
  'opened',
  'failed',
  'refused',
  'dropped',
  'reconnected',
  'away',
  'received',
  'lost',
  'duplicated',
  'reordered',
  'missed',
  'healed',
  'unrecovered',
  'skipped',
  'unexpected',
  'unreadable',
  'seqBreaks',
  'throttled',
  'gaps',
  'errors',
] as const;

/** What kind of number a metric is. */
export type MetricUnit = 'ms' | 'percent' | 'perSecond' | 'count';

type Quantile = (typeof quantiles)[number];

/** Times of which there are many: the first part of their metrics. */
export type TimedMetric = (typeof timed)[number];

/** Everything that a threshold can be about. */
export type ThresholdMetric =
  | `${TimedMetric}.${Quantile}`
  | 'connect.success'
  | 'rate'
  | (typeof countMetrics)[number];

/** Units by metric. */
export const thresholdMetrics: ReadonlyMap<ThresholdMetric, MetricUnit> = new Map([
  ...timed.flatMap((of) => quantiles.map((name) => [`${of}.${name}`, 'ms'] as const)),
  ['connect.success', 'percent'] as const,
  ['rate', 'perSecond'] as const,
  ...countMetrics.map((name) => [name, 'count'] as const),
]);

const operators = ['<=', '>=', '==', '!=', '<', '>'] as const;

/** How a threshold compares what was observed with its limit. */
export type ThresholdOperator = (typeof operators)[number];

/** One condition that a run has to meet. */
export interface Threshold {
  /** In its usual form: `latency.p99 < 50ms`, behind its scope if it has one. */
  readonly expression: string;
  /** The stage, or the kind of clients, that it is about; undefined for the run as a whole. */
  readonly scope: string | undefined;
  readonly metric: ThresholdMetric;
  readonly operator: ThresholdOperator;
  /** In the unit of the metric: milliseconds, percent, events per second or a count. */
  readonly limit: number;
  /** From how long after the begin of the hold phase it ends the run; undefined when it never does. */
  readonly abortAfterMs: number | undefined;
}

/** What is wrong with a text, and where. */
interface Fault {
  readonly at: number;
  readonly message: string;
}

/** Values that units multiply, by the kind of metric they belong to. */
const units: Readonly<Record<MetricUnit, Readonly<Record<string, number>>>> = {
  ms: { '': 1, ms: 1, s: 1_000 },
  percent: { '': 1, '%': 1 },
  perSecond: { '': 1, '/s': 1 },
  count: { '': 1 },
};
const unitNames: Readonly<Record<MetricUnit, string>> = {
  ms: 'a time in ms or s',
  percent: 'a percentage',
  perSecond: 'a number per second',
  count: 'a plain number',
};

/** What is wrong with the scope of a text that makes sense; undefined when it is one of `known`. */
export function scopeFault(text: string, known: readonly string[]): string | undefined {
  const scope = scopeOf(text);
  if (scope === undefined || known.includes(scope)) return undefined;
  const nearest = known.toSorted((a, b) => leven(a, scope) - leven(b, scope))[0];
  const message = `no stage or profile ${scope}; there are ${known.join(', ')}`;
  const isNear = nearest !== undefined && leven(nearest, scope) <= 2;
  return shownFault(text, {
    at: text.indexOf(scope),
    message: isNear ? `no stage or profile ${scope}, did you mean ${nearest}?` : message,
  });
}

/** The stage, or the kind of clients, that a text is about; undefined for the run as a whole. */
export function scopeOf(text: string): string | undefined {
  return readScope(new Reader(text));
}

/**
 * What is wrong with the grace of a text that makes sense, where what it is about is over after
 * `lengthMs`; undefined when nothing is.
 */
export function graceFault(text: string, lengthMs: number): string | undefined {
  const read = parseThresholds(text);
  if (typeof read === 'string') return undefined;
  const { abortAfterMs, scope = 'the run' } = read[0] as Threshold;
  if (abortAfterMs === undefined || abortAfterMs < Math.max(1, lengthMs)) return undefined;
  const message = `${scope} is over by then: it lasts ${formatDuration(lengthMs)}`;
  return shownFault(text, { at: text.search(/[\w.]+\s*$/), message });
}

/** Reads the conditions of one text. When it makes no sense: what is wrong, with a caret under it. */
export function parseThresholds(text: string): readonly Threshold[] | string {
  const reader = new Reader(text);
  const read = readAll(reader);
  if (Array.isArray(read)) return read;
  return shownFault(text, read as Fault);
}

function shownFault(text: string, { message, at }: Fault): string {
  // On one line, and each character in its place.
  return `${message}\n  ${text.replaceAll(/\s/g, ' ')}\n  ${' '.repeat(at)}^`;
}

/** `stage2:`, without the colon; undefined, without moving, when there is none. */
function readScope(reader: Reader): string | undefined {
  return reader
    .take(/[A-Za-z][\w-]*\s*:/y)
    ?.slice(0, -1)
    .trimEnd();
}

/** A text and how much of it has been read. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    this.take(/\s*/y);
    return this.#at >= this.#text.length;
  }

  /** What `pattern` (sticky) finds behind spaces; undefined, without moving, when it does not. */
  take(pattern: RegExp): string | undefined {
    this.#at = matchEnd(/\s*/y, this.#text, this.#at);
    const end = matchEnd(pattern, this.#text, this.#at);
    if (end < 0) return undefined;
    const found = this.#text.slice(this.#at, end);
    this.#at = end;
    return found;
  }

  /** A fault at the end of what was read, or `back` characters before. */
  fault(message: string, back = 0): Fault {
    return { at: this.#at - back, message };
  }
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

function readAll(reader: Reader): readonly Threshold[] | Fault {
  const scope = readScope(reader);
  const conditions: Omit<Threshold, 'abortAfterMs' | 'scope'>[] = [];
  do {
    const condition = readCondition(reader);
    if ('message' in condition) return condition;
    conditions.push(condition);
  } while (reader.take(/&&?/y) !== undefined);
  let abortAfterMs: number | undefined;
  if (reader.take(/abort\b/y) !== undefined) {
    const grace = readGrace(reader);
    if (typeof grace !== 'number') return grace;
    abortAfterMs = grace;
  }
  if (!reader.isAtEnd) return reader.fault('expected &, abort or the end');
  return conditions.map(({ expression, ...condition }) => ({
    expression: scope === undefined ? expression : `${scope}: ${expression}`,
    scope,
    ...condition,
    abortAfterMs,
  }));
}

function readGrace(reader: Reader): number | Fault {
  if (reader.take(/after\b/y) === undefined) return 0;
  const text = reader.take(/[\w.]+/y) ?? '';
  return (
    parseDurationMs(text) ?? reader.fault('expected a duration such as 10s or 1m30s', text.length)
  );
}

function readCondition(reader: Reader): Omit<Threshold, 'abortAfterMs' | 'scope'> | Fault {
  const metric = reader.take(/[A-Za-z][\w.]*/y);
  if (metric === undefined) {
    return reader.fault('expected a metric such as latency.p99, connect.success or lost');
  }
  const unit = thresholdMetrics.get(metric as ThresholdMetric);
  if (unit === undefined) return reader.fault(unknownMetric(metric), metric.length);
  const operator = reader.take(/<=|>=|==|!=|<|>/y);
  if (operator === undefined) return reader.fault(`expected one of ${operators.join(' ')}`);
  const amount = reader.take(/-?\d+(\.\d+)?/y);
  if (amount === undefined) return reader.fault(`expected ${unitNames[unit]}`);
  const suffix = reader.take(/%|\/s|(?!abort\b)[A-Za-zµ]+/y) ?? '';
  const factor = units[unit][suffix];
  if (factor === undefined) {
    return reader.fault(`${metric} is ${unitNames[unit]}`, suffix.length);
  }
  const limit = Number(amount) * factor;
  const most = unit === 'percent' ? 100 : Number.POSITIVE_INFINITY;
  if (!canHold(operator as ThresholdOperator, limit, most)) {
    const span = most === 100 ? 'from 0% to 100%' : '0 or more';
    return reader.fault(`no run can meet this: ${metric} is ${span}`, `${amount}${suffix}`.length);
  }
  return {
    expression: `${metric} ${operator} ${amount}${suffix}`,
    metric: metric as ThresholdMetric,
    operator: operator as ThresholdOperator,
    limit,
  };
}

/** Whether a figure from 0 to `most` can be like that. */
function canHold(operator: ThresholdOperator, limit: number, most: number): boolean {
  switch (operator) {
    case '<':
      return limit > 0;
    case '<=':
      return limit >= 0;
    case '>':
      return limit < most;
    case '>=':
      return limit <= most;
    case '==':
      return limit >= 0 && limit <= most;
    case '!=':
      return true;
  }
}

function unknownMetric(name: string): string {
  const known = [...thresholdMetrics.keys()];
  const far = (one: string) => leven(one.toLowerCase(), name.toLowerCase());
  const nearest = known.toSorted((a, b) => far(a) - far(b))[0] as string;
  const isNear = far(nearest) <= Math.max(2, name.length / 3);
  if (isNear) return `unknown metric ${name}, did you mean ${nearest}?`;
  return `unknown metric ${name}; one of latency.p99, connect.success, ${countMetrics.join(', ')}…`;
}
