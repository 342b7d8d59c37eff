/** The parts of the JSON report that come again: for the run, each stage, each kind of clients. */
import * as z from 'zod';

/** How many. */
export const count = z.int().min(0);

/** A time in milliseconds. */
export const ms = z.number().min(0);

/** A time in milliseconds; null where nothing was measured, or nobody could tell. */
export const told = ms.nullable();

/** Of a distribution of times. */
export const percentiles = { p50: told, p95: told, p99: told, max: told };

/** Counts by a code of the server’s choice. */
export const countsByCode = z.record(z.string(), count);

/** Null where it could not be told; see told-counts.ts. */
export const untold = count.nullable();

/** What is told of the run as a whole and of every part of it. */
export const figures = {
  connections: z.object({
    target: count,
    opened: count,
    failed: count,
    dropped: count,
    moved: count,
    reconnected: count,
    active: count,
    left: count,
    away: count,
    vanished: count.optional().describe('open when their worker or agent was lost'),
    stormed: count,
    churned: count,
    unsubscribed: count,
    resubscribed: count,
    refused: countsByCode,
  }),
  messages: z.object({
    received: count,
    frames: count,
    bytes: z.number().min(0),
    control: count,
    lost: untold,
    lostAtEnd: untold,
    firstEventsUnchecked: untold,
    duplicated: untold,
    reordered: untold,
    late: untold,
    missedWhileDisconnected: untold,
    missedOnPurpose: untold,
    healed: untold,
    unrecovered: untold,
    skipped: untold,
    unexpected: untold,
    gapsUntracked: untold,
    unread: untold.optional().describe('left by slow clients: perhaps received, perhaps lost'),
    badMessages: count,
    seqBreaks: untold,
    epochChanges: untold,
    serverErrors: untold,
    gapNotices: untold,
    throttleUpdates: untold,
    reconnectNotices: untold,
  }),
  latencyMs: z.object({ ...percentiles, mean: told, count, negative: untold }),
  connectMs: z.object(percentiles),
};
