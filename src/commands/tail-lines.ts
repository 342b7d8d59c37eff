/** Records as lines for people or machines. */
import type { BrokerRecord } from '../broker/broker.ts';
import { channelOfRecord } from '../events/channel.ts';
import { isComplaint, parseEvent } from '../events/event.ts';

/** The channel of a record; undefined when it belongs to none. */
export function channelOf({ topic, key }: BrokerRecord): string | undefined {
  return key === undefined ? undefined : channelOfRecord(topic, key);
}

/** Time (UTC), channel, position, type and data, cut to `columns` when they are given. */
export function formatRecord(record: BrokerRecord, columns?: number): string {
  const { topic, partition, offset, key, value, timestampMs } = record;
  const text = value.toString();
  const event = parseEvent(text);
  const time = new Date(timestampMs).toISOString().slice(11);
  const place = partition < 0 ? `${offset}` : `${partition}:${offset}`;
  const channel = channelOf(record) ?? `${topic} ${JSON.stringify(key ?? null)}`;
  const start = `${time}  ${channel.padEnd(18)}  ${place.padEnd(11)}`;
  const line = isComplaint(event)
    ? `${start}  no event: ${event.reason}  ${JSON.stringify(text)}`
    : `${start}  ${event.type.padEnd(22)}  ${JSON.stringify(event.data)}`;
  // Reasons repeat what was wrong, and texts may hold what a terminal would obey.
  const safe = line.replace(/\p{Cc}/gu, '·');
  return columns === undefined || safe.length <= columns ? safe : `${safe.slice(0, columns - 1)}…`;
}

/** One JSON object; a record that is no event has its `text` and the `problem` with it instead. */
export function recordJson(record: BrokerRecord): string {
  const { topic, partition, offset, key, value, timestampMs } = record;
  const text = value.toString();
  const event = parseEvent(text);
  const known = partition < 0 ? {} : { partition };
  const place = { channel: channelOf(record), topic, ...known, offset, key };
  const content = isComplaint(event) ? { text, problem: event.reason } : event;
  return JSON.stringify({ time: new Date(timestampMs).toISOString(), ...place, ...content });
}
