/** Sparing: which events a lagging client is not sent, by strategy and level. */
import type { Config } from '../../config/schema.ts';
import { type EventType, eventTypes, type Priority } from '../../events/event-types.ts';
import type { Frame } from '../delivery/channel.ts';

/** Section `server.throttle` of the configuration. */
export type ThrottleSettings = Config['server']['throttle'];

/** 0 is no throttling, 1 light, 2 medium, 3 heavy. */
export type ThrottleLevel = 0 | 1 | 2 | 3;

/** How a connection lags: a few numbers, however far behind it is. */
export interface Lag {
  level: ThrottleLevel;
  /** Saturated flushes since the level last changed. */
  saturated: number;
  /** When one was last counted, and since when there was none; on the node's monotonic clock. */
  countedMs: number;
  calmSinceMs: number;
}

/** Share of events at a level, in percent; what a client is told, and what `percentage` sends. */
export function ratePercent(settings: ThrottleSettings, level: ThrottleLevel): number {
  const { lightPercent, mediumPercent, heavyPercent } = settings;
  return [100, lightPercent, mediumPercent, heavyPercent][level] as number;
}

/** Whether the newest event of a type may stand for older ones of its channel. */
export function isConflatable(type: EventType): boolean {
  return conflatableFrom[eventTypes[type].priority] !== undefined;
}

/** Level from which superseded events of a priority are skipped. */
const conflatableFrom: Partial<Record<Priority, ThrottleLevel>> = { NORMAL: 1, LOW: 2 };

/** Level from which `priority` skips a priority. */
const droppedFrom: Partial<Record<Priority, ThrottleLevel>> = { LOW: 1, NORMAL: 2, HIGH: 3 };

/**
 * Whether a client at `level` is not sent a frame of the history; `end` is the history index up to
 * which it is being served. CRITICAL events are never spared, and nothing is at level 0.
 */
export function isSpared(
  settings: ThrottleSettings,
  level: ThrottleLevel,
  frame: Frame,
  end: number,
): boolean {
  if (level === 0) return false;
  const { priority } = eventTypes[frame.type];
  if (priority === 'CRITICAL') return false;
  switch (settings.strategy) {
    case 'conflate':
      return (
        frame.supersededBy >= 0 &&
        frame.supersededBy < end &&
        level >= (conflatableFrom[priority] ?? Number.POSITIVE_INFINITY)
      );
    case 'priority':
      return level >= (droppedFrom[priority] ?? Number.POSITIVE_INFINITY);
    case 'percentage':
      return !isInShare(frame.index, ratePercent(settings, level));
    case 'none':
      return false;
    default:
      return settings.strategy satisfies never;
  }
}

/**
 * Picks `percent` of all indexes, evenly and the same on every call. 75 leaves out each fourth
 * from 0, 50 takes each second and 25 each fourth from 0, as the original did.
 */
function isInShare(index: number, percent: number): boolean {
  const round = percent > 50 ? Math.floor : Math.ceil;
  return round(((index + 1) * percent) / 100) > round((index * percent) / 100);
}
