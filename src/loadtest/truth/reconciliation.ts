/** Holds what publisher, server and clients counted against each other, and says what differs. */
import { formatCount } from '../../base/units.ts';
import type { Totals } from '../workers/totals.ts';
import type { PublisherCounts, ServerCounts, Testimonies, Testimony } from './witnesses.ts';

/** The counts of a run as each side has them. Null where a side was not, or could not be asked. */
export interface Reconciliation {
  /** Events that the broker confirmed to the publisher. */
  readonly published: number | null;
  /** Events that the server read from the broker. */
  readonly ingested: number | null;
  /** Records that the server read and skipped, since they were no events. */
  readonly notIngested: number | null;
  /** Deliveries that the server counted, right before and right after the clients' last counts. */
  readonly delivered: { readonly atLeast: number; readonly atMost: number } | null;
  /** Deliveries that the server left out for clients that lag. */
  readonly spared: number | null;
  /** Clients of others that were on the server when the run began. */
  readonly otherClients: number | null;
  /** Deliveries that the clients had to get, by the events' own chains. */
  readonly expected: number | null;
  readonly received: number;
  readonly steps: readonly ReconciledStep[];
  /** Why a side has no counts. */
  readonly complaints: readonly string[];
}

/** Two counts that should agree. */
export interface ReconciledStep {
  readonly between: 'published-ingested' | 'expected-received' | 'delivered-received';
  /** What the later side has more than the earlier; below 0 something is missing. */
  readonly difference: number;
  /** What may be on its way, or fall between two questions; of deliveries a tenth at most. */
  readonly tolerance: number;
  readonly ok: boolean;
  readonly meaning: string;
}

/** What was asked when, and what the clients know. */
export interface Evidence {
  readonly before: Testimonies;
  /** Right before the clients' last counts, and right after. */
  readonly atStop: Testimonies;
  readonly after: Testimonies;
  /** Of all clients. */
  readonly totals: Totals;
  /** Of those that behave. */
  readonly good: Totals;
  /** Whether others read too slowly. */
  readonly hasSlow: boolean;
  readonly durationMs: number;
}

/** Sides are asked one after the other, and a broker confirms in batches. */
const askedApartMs = 500;
/** A server tells its age in whole seconds, and is asked a little before and after the run. */
const ageSlackMs = 3_000;
/** Events that are on their way in sockets, at least. */
const minUnderWayMs = 100;
/** Where more of what was delivered may be on its way, nobody can tell whether the counts agree. */
const maxTolerancePercent = 10;

/** See the file's first line. */
export function reconcile(evidence: Evidence): Reconciliation {
  const { totals, durationMs, hasSlow } = evidence;
  const [server, publisher] = [serverSpan(evidence), publisherSpan(evidence)];
  const { received } = totals.messages;
  const perMs = (count: number) => count / Math.max(1, durationMs);
  const steps: ReconciledStep[] = [];
  if ('ingested' in server && 'published' in publisher) {
    const difference = server.ingested + server.notIngested - publisher.published;
    const tolerance = Math.ceil(perMs(publisher.published) * askedApartMs) + 1;
    steps.push({ between: 'published-ingested', ...judged(difference, tolerance, ofIngest) });
  }
  if ('ingested' in server) {
    const meaning = (isMissing: boolean) => ofDelivery(isMissing, server, totals, hasSlow);
    steps.push({ between: 'delivered-received', ...deliveryStep(evidence, server, meaning) });
  }
  const span = 'ingested' in server ? server : undefined;
  return {
    published: 'published' in publisher ? publisher.published : null,
    ingested: span?.ingested ?? null,
    notIngested: span?.notIngested ?? null,
    delivered: span?.delivered ?? null,
    spared: span?.spared ?? null,
    otherClients: span?.othersAtBegin ?? null,
    expected: expectedOf(totals),
    received,
    steps: [...steps, chainStep(totals)],
    complaints: [server, publisher].flatMap((side) =>
      'complaint' in side && side.complaint !== undefined ? [side.complaint] : [],
    ),
  };
}

/** Each event once that came, and those that did not. */
function expectedOf({ messages }: Totals): number {
  const { received, duplicated, unexpected } = messages;
  return received - duplicated - unexpected + missingOf(messages);
}

function missingOf(messages: Totals['messages']): number {
  const { lost, skipped, missedWhileDisconnected, unrecovered, unread } = messages;
  return lost + skipped + missedWhileDisconnected + unrecovered + unread;
}

function chainStep({ messages }: Totals): ReconciledStep {
  const { duplicated, unexpected, skipped, lost } = messages;
  const missing = missingOf(messages);
  const difference = duplicated + unexpected - missing;
  const parts = [
    [lost, 'lost'],
    [skipped, 'left out by the server, as it told'],
    [messages.missedWhileDisconnected + messages.unrecovered, 'missed while away'],
    [messages.unread, 'left unread by slow clients'],
    [duplicated, 'received twice'],
    [unexpected, 'of channels not asked for'],
  ] as const;
  const told = parts.filter(([count]) => count > 0);
  const ok = told.length === 0;
  const meaning = ok
    ? 'every event of every chain arrived once'
    : told.map(([count, text]) => `${formatCount(count)} ${text}`).join(', ');
  return { between: 'expected-received', difference, tolerance: 0, ok, meaning };
}

function deliveryStep(
  { totals, good, durationMs }: Evidence,
  { delivered: { atLeast, atMost } }: ServerSpan,
  meaningOf: (isMissing: boolean) => string,
): Omit<ReconciledStep, 'between'> {
  const { received } = totals.messages;
  const difference = received - Math.min(Math.max(received, atLeast), atMost);
  const perMs = atMost / Math.max(1, durationMs);
  const goodShare = received === 0 ? 1 : good.messages.received / received;
  // What others read late in the end says nothing about how long events are on their way.
  const underWayMs = Math.max(minUnderWayMs, good.latency.percentile(99));
  const meanMs = goodShare * underWayMs + (1 - goodShare) * minUnderWayMs;
  const underWay = Math.ceil(perMs * meanMs) + 1;
  const unread = difference < 0 ? undeliveredOf(totals) - undeliveredOf(good) : 0;
  const tolerable = underWay + unread;
  const tolerance = Math.min(tolerable, Math.ceil((atMost * maxTolerancePercent) / 100) + 1);
  const step = judged(difference, tolerance, meaningOf);
  const of = `${formatCount(unread)} that clients which misbehave did not get`;
  if (step.ok) {
    return unread === 0 ? step : { ...step, meaning: `${step.meaning}, and up to ${of}` };
  }
  if (Math.abs(difference) > tolerable) return step;
  const parts = [`${formatCount(underWay)} may be on their way`, ...(unread > 0 ? [of] : [])];
  return { ...step, meaning: `nobody can tell: ${parts.join(', and there are ')}` };
}

/** Events that may have been written to clients, and were not received. */
function undeliveredOf({ messages }: Totals): number {
  const { lost, missedWhileDisconnected, unrecovered, unread } = messages;
  return lost + missedWhileDisconnected + unrecovered + unread;
}

function judged(
  difference: number,
  tolerance: number,
  meaningOf: (isMissing: boolean) => string,
): Omit<ReconciledStep, 'between'> {
  const ok = Math.abs(difference) <= tolerance;
  const meaning = ok ? 'they agree, but for what was on its way' : meaningOf(difference < 0);
  return { difference, tolerance, ok, meaning };
}

function ofIngest(isMissing: boolean): string {
  return isMissing
    ? 'the server is behind the broker, or does not read all topics that are published to'
    : 'somebody else publishes too, or the server read events from before the run';
}

function ofDelivery(
  isMissing: boolean,
  server: ServerSpan,
  totals: Totals,
  hasSlow: boolean,
): string {
  const causes = isMissing
    ? causesOfMissing(server, totals, hasSlow)
    : causesOfMore(server, totals);
  // Nobody can tell how much is due to which.
  return causes.length === 1
    ? (causes[0] as string)
    : `it may be that ${causes.join(', or that ')}`;
}

/** Written by the server, and not received here. */
function causesOfMissing(
  { othersAtBegin, othersSince }: ServerSpan,
  { connections: { dropped, moved, stormed, left }, messages }: Totals,
  hasSlow: boolean,
): string[] {
  const others = Math.max(othersAtBegin, othersSince);
  const causes = [
    ...(others > 0 ? [`the server had ${formatCount(others)} other clients`] : []),
    ...(hasSlow ? ['slow clients have not read all that was written to them'] : []),
    ...(dropped + moved > 0 ? ['events were written to connections that were lost'] : []),
    ...(stormed > 0 ? ['events were on their way to clients that dropped out in storms'] : []),
    ...(left > 0 ? ['events were on their way to clients that went'] : []),
    ...(messages.lost > 0 ? ['events were lost on the way'] : []),
  ];
  return causes.length > 0
    ? causes
    : ['written by the server and not received here: still in its sockets, or lost on the way'];
}

/** Received here, and not counted by the server. */
function causesOfMore({ shardsEnded }: ServerSpan, { messages }: Totals): string[] {
  const shards = shardsEnded === 1 ? 'a shard' : `${formatCount(shardsEnded)} shards`;
  const causes = [
    ...(shardsEnded > 0
      ? [
          `${shards} of the server ended, and what it delivered after its last report is not counted`,
        ]
      : []),
    ...(messages.duplicated > 0 ? ['events came twice by something between'] : []),
  ];
  return causes.length > 0
    ? causes
    : ['the server counts fewer than arrived: another server answers at this address too'];
}

/** What a server counted during the run. */
interface ServerSpan {
  readonly ingested: number;
  readonly notIngested: number;
  readonly delivered: { readonly atLeast: number; readonly atMost: number };
  readonly spared: number;
  /** Clients on the server that are not of this run: there at its begin, and come during it. */
  readonly othersAtBegin: number;
  readonly othersSince: number;
  /** Processes of it that ended: what each counted since its last report is in no sum. */
  readonly shardsEnded: number;
}

/** No counts; the complaint is undefined when nobody asked for them. */
interface Absent {
  readonly complaint: string | undefined;
}

function serverSpan({ before, atStop, after, totals, durationMs }: Evidence): ServerSpan | Absent {
  const said = [before.server, atStop.server, after.server];
  const absent = absentOf(said);
  if (absent !== undefined) return absent;
  const [begin, stop, end] = said as [ServerCounts, ServerCounts, ServerCounts];
  const isYounger = (end.uptimeSeconds - begin.uptimeSeconds) * 1_000 < durationMs - ageSlackMs;
  if (begin.node !== end.node || end.delivered < begin.delivered || isYounger) {
    return { complaint: 'the server was replaced during the run: its counts have no common begin' };
  }
  return {
    ingested: end.ingested - begin.ingested,
    notIngested: end.notIngested - begin.notIngested,
    delivered: {
      atLeast: stop.delivered - begin.delivered,
      atMost: end.delivered - begin.delivered,
    },
    spared: end.spared - begin.spared,
    othersAtBegin: begin.clients,
    othersSince: Math.max(0, end.accepted - begin.accepted - acceptedOf(totals)),
    shardsEnded: end.shardRestarts - begin.shardRestarts,
  };
}

/** Connections of this run that the server may have counted, also those of which nobody here heard. */
function acceptedOf({ connections, errors }: Totals): number {
  const { upgraded, failed, dropped, moved, stormed, reconnected } = connections;
  const unanswered = errors
    .list()
    .reduce((sum, error) => sum + (/^upgrade-(?!status-)/.test(error.class) ? error.count : 0), 0);
  // Who never got in, or back, may have gone while the answer was on its way.
  return upgraded + unanswered + failed + Math.max(0, dropped + moved + stormed - reconnected);
}

function publisherSpan({ before, after }: Evidence): { readonly published: number } | Absent {
  const said = [before.publisher, after.publisher];
  const absent = absentOf(said);
  if (absent !== undefined) return absent;
  const [begin, end] = said as [PublisherCounts, PublisherCounts];
  if (end.published < begin.published) {
    return { complaint: 'the publisher was started anew during the run' };
  }
  return { published: end.published - begin.published };
}

function absentOf(said: readonly (Testimony<object> | undefined)[]): Absent | undefined {
  if (said.includes(undefined)) return { complaint: undefined };
  return said.find((one): one is { complaint: string } => one !== undefined && 'complaint' in one);
}
