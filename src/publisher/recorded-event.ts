/** One line of a recording: what it must hold to be published again. */
import { categoryFacts } from '../events/categories.ts';
import { channelOfRecord } from '../events/channel.ts';
import { checkEvent, type EventComplaint, isComplaint, type OdinEvent } from '../events/event.ts';
import { eventTypes } from '../events/event-types.ts';

/** An event of a recording, with the topic and the key that it goes to. */
export interface RecordedEvent {
  readonly topic: string;
  readonly key: string;
  readonly event: OdinEvent;
}

/**
 * Reads `{"type","timestamp","data"}` with the symbol in `key`, else in `token`, else in
 * `data.token`. Never throws: a line that cannot be published comes back with the reason.
 */
export function parseRecordedEvent(line: string): RecordedEvent | EventComplaint {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { reason: `not JSON: ${(error as Error).message}` };
  }
  const event = checkEvent(value);
  if (isComplaint(event)) return event;
  const { key: ownKey, token } = value as { readonly key?: unknown; readonly token?: unknown };
  const key = ownKey ?? token ?? event.data['token'];
  if (key === undefined) return { reason: 'no symbol: expected "key", "token" or "data.token"' };
  const { topic } = categoryFacts[eventTypes[event.type].category];
  if (typeof key !== 'string' || channelOfRecord(topic, key) === undefined) {
    return { reason: `${JSON.stringify(key)} is not a token symbol` };
  }
  return { topic, key, event };
}
