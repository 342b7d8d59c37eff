/** What can be watched: a node's status, a publisher's, and the metrics of a load test. */
import { isObject } from '../base/values.ts';
import type { MetricsReport, PublisherReport } from '../protocol/fleet-snapshot.ts';
import type { StatusReport } from '../protocol/status-report.ts';
import { OddAnswer, type Subject } from './sight.ts';
import { faultOfReport } from './status-shape.ts';

/** `/api/status` of the node at `url`. */
export function nodeSubject(url: URL, token: string | undefined): Subject<StatusReport> {
  return {
    url: new URL('/api/status', url),
    token,
    refusedHint:
      token === undefined
        ? 'set ADMIN_TOKEN to that of the server, or ask from its own machine'
        : 'ADMIN_TOKEN here is not that of the server',
    read: readStatus,
  };
}

/** `/status` of the publisher whose control API is at `url`. */
export function publisherSubject(url: URL): Subject<PublisherReport> {
  const refusedHint = 'this page is not for us';
  return { url: new URL('/status', url), refusedHint, read: readPublisher };
}

/** `/metrics` at `url`, of a running load test. */
export function metricsSubject(url: URL): Subject<MetricsReport> {
  const refusedHint = 'this page is not for us';
  return { url: new URL('/metrics', url), refusedHint, read: readMetrics };
}

function readStatus(text: string): StatusReport {
  const found: unknown = readObject(text);
  if (isStatusReport(found)) return found;
  const isNode = isObject(found) && found['schemaVersion'] === 1 && isObject(found['connections']);
  throw new OddAnswer(
    isNode
      ? `/api/status lacks ${faultOfReport(found)}: is this odin of another version?`
      : '/api/status answers something else: is this an odin server?',
  );
}

/** Whether that is what a node says of itself, with all that is shown of it. */
export function isStatusReport(found: unknown): found is StatusReport {
  return isObject(found) && found['schemaVersion'] === 1 && faultOfReport(found) === undefined;
}

function readPublisher(text: string): PublisherReport {
  const found = readObject(text);
  if (typeof found['running'] !== 'boolean' || typeof found['published'] !== 'number')
    throw new OddAnswer('/status answers something else: is this an odin publisher?');
  const number = (name: string) => (typeof found[name] === 'number' ? found[name] : 0);
  return {
    source: String(found['source'] ?? ''),
    running: found['running'],
    targetRate: typeof found['targetRate'] === 'number' ? found['targetRate'] : null,
    achievedRate: number('achievedRate'),
    published: number('published'),
    failed: number('failed'),
    behind: number('behind'),
    inFlight: number('inFlight'),
    tokens: number('tokens'),
    healthy: found['healthy'] === true,
    error: typeof found['error'] === 'string' ? found['error'] : null,
  };
}

/** The object that an answer is; an empty one of other JSON, in which nothing is found. */
function readObject(text: string): Record<string, unknown> {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new OddAnswer('the answer is not JSON: is this odin?');
  }
  return isObject(found) ? found : {};
}

/** Samples that are shown at most. */
const maxSamples = 200;

/** A Prometheus page in its text format. Throws an {@link OddAnswer} when it holds no sample. */
export function readMetrics(text: string): MetricsReport {
  const samples: Record<string, number> = {};
  let count = 0;
  for (const [, name = '', labels = '', value] of text.matchAll(
    /^([A-Za-z_:][\w:]*)(\{.*\})? (\S+)/gm,
  )) {
    if (name.endsWith('_bucket') || count >= maxSamples) continue;
    samples[name + labels] = Number(value);
    count++;
  }
  if (count === 0) throw new OddAnswer('/metrics answers something else: is this a load test?');
  return samples;
}
