/** One line of a recording: what it must hold to be published again. */
import { channelOfRecord, topicOfEvent } from '../events/channel.ts';
import { checkEvent, type EventComplaint, isComplaint, type OdinEvent } from '../events/event.ts';

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
  if (typeof key !== 'string') return { reason: `${JSON.stringify(key)} is not a token symbol` };
  const topic = topicOfEvent(event.type, key);
  if (channelOfRecord(topic, key) === undefined) {
    return { reason: `${JSON.stringify(key)} is not a token symbol` };
  }
  return { topic, key, event };
}
