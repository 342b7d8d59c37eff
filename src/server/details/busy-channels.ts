/** Which channels carry events, and how many: counted in the history when somebody asks. */
import { maxListed } from '../../protocol/status-sections.ts';
import type { Channel } from '../delivery/channels.ts';
import type { Frame } from '../delivery/history.ts';

/** Rates are of this time, in milliseconds. */
const windowMs = 10_000;
/** Events that are looked at, at most, which takes some milliseconds: a busy node has a shorter window. */
const maxEvents = 50_000;

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

/** From the events that came in the last seconds; those of before `liveSinceMs` were read back. */
export function busyChannels(
  history: FrameRange,
  nowMs: number,
  liveSinceMs: number,
): BusyChannels {
  const counts = new Map<Channel, number>();
  const last = Math.max(history.first, history.next - maxEvents);
  let sinceMs = Math.max(nowMs - windowMs, liveSinceMs);
  for (let index = history.next - 1; index >= history.first; index--) {
    const { channel, takenMs } = history.at(index);
    if (takenMs < sinceMs) break;
    if (index < last) {
      sinceMs = history.at(index + 1).takenMs;
      break;
    }
    counts.set(channel, (counts.get(channel) ?? 0) + 1);
  }
  // Counted over less than a second, one event would be many per second.
  const seconds = Math.max(1, (nowMs - sinceMs) / 1_000);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return {
    rows: sorted.slice(0, maxListed).map(([{ name }, count]) => ({
      channel: name,
      events_per_s: Math.round((count / seconds) * 100) / 100,
    })),
    left_out: Math.max(0, sorted.length - maxListed),
    window_s: Math.round(seconds * 10) / 10,
  };
}
