/** Which channels carry events, and how many: counted in the history when somebody asks. */
import type { Channel, Frame } from '../delivery/channel.ts';
import { firstRows } from './first-rows.ts';
import { Turns } from './turns.ts';

/** Rates are of this time, in milliseconds. */
const windowMs = 10_000;
/** Events that are looked at, at most: a busy node has a shorter window. */
const maxEvents = 50_000;
/** Events from one look at the clock to the next. */
const pieceEvents = 256;

/** What is read of a history. */
interface FrameRange {
  readonly first: number;
  readonly next: number;
  at(index: number): Frame;
}

/** The busiest channels first. */
export interface BusyChannels {
  readonly rows: readonly { readonly channel: string; readonly events_per_s: number }[];
  /** Channels with fewer events. */
  readonly left_out: number;
  readonly window_s: number;
}

/**
 * From the events that came in the last seconds; those of before `liveSinceMs` were read back. It goes
 * from the newest one back, and older ones may leave the history meanwhile.
 */
export async function busyChannels(
  history: FrameRange,
  nowMs: number,
  liveSinceMs: number,
  turns = new Turns(),
): Promise<BusyChannels> {
  const counts = new Map<Channel, number>();
  const last = Math.max(history.first, history.next - maxEvents);
  let sinceMs = Math.max(nowMs - windowMs, liveSinceMs);
  let countedMs = nowMs;
  for (let index = history.next - 1; index >= history.first; index--) {
    if (index % pieceEvents === 0 && turns.isOver) {
      await turns.next();
      if (index < history.first) {
        sinceMs = countedMs;
        break;
      }
    }
    const { channel, takenMs } = history.at(index);
    if (takenMs < sinceMs) break;
    if (index < last) {
      sinceMs = countedMs;
      break;
    }
    countedMs = takenMs;
    counts.set(channel, (counts.get(channel) ?? 0) + 1);
  }
  if (turns.isOver) await turns.next();
  // Counted over less than a second, one event would be many per second.
  const seconds = Math.max(1, (nowMs - sinceMs) / 1_000);
  const { rows, left_out } = firstRows(counts, ([, a], [, b]) => b - a);
  return {
    rows: rows.map(([{ name }, count]) => ({
      channel: name,
      events_per_s: Math.round((count / seconds) * 100) / 100,
    })),
    left_out,
    window_s: Math.round(seconds * 10) / 10,
  };
}
