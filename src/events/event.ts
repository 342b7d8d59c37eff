/** The value of a broker record: `{"type","timestamp","data"}`, and how it is checked. */
import { isObject } from '../base/values.ts';
import { type EventType, isEventType } from './event-types.ts';

/** An event as publishers write it and the broker carries it. */
export interface OdinEvent {
  readonly type: EventType;
  /** When the event happened, in milliseconds since 1970. */
  readonly timestamp: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Levels of `data`: JSON can be parsed at any depth, but not written again. */
const maxDepth = 64;

/** Why a record's value is not an event; `reason` is for a log line or a person. */
export interface EventComplaint {
  readonly reason: string;
}

/** Reads a record's value. Never throws: a value that is no event comes back as a complaint. */
export function parseEvent(text: string): OdinEvent | EventComplaint {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { reason: `not JSON: ${(error as Error).message}` };
  }
  return checkEvent(value);
}

/** Checks a parsed value; see {@link parseEvent}. */
export function checkEvent(value: unknown): OdinEvent | EventComplaint {
  if (!isObject(value)) return { reason: 'expected an object {"type","timestamp","data"}' };
  const { type, timestamp, data } = value;
  if (typeof type !== 'string') return { reason: '"type" is missing or not a string' };
  if (!isEventType(type)) {
    return { reason: `unknown event type ${JSON.stringify(type.slice(0, 64))}` };
  }
  if (typeof timestamp !== 'number' || !Number.isFinite(timestamp) || timestamp < 0) {
    return { reason: '"timestamp" is missing or not a number of milliseconds' };
  }
  if (!isObject(data)) return { reason: '"data" is missing or not an object' };
  if (isDeeperThan(data, maxDepth)) {
    return { reason: `"data" is nested more than ${maxDepth} levels deep` };
  }
  return { type, timestamp, data };
}

/** Whether {@link parseEvent} found something wrong. */
export function isComplaint(result: OdinEvent | EventComplaint): result is EventComplaint {
  return 'reason' in result;
}

/** Whether a value has more than `levels` levels of objects and lists. Looks no deeper than that. */
function isDeeperThan(value: object, levels: number): boolean {
  if (levels === 0) return true;
  for (const key in value) {
    const child = (value as Record<string, unknown>)[key];
    if (typeof child === 'object' && child !== null && isDeeperThan(child, levels - 1)) return true;
  }
  return false;
}
