/** Brokers on a stream of NATS that a test makes, and reading it again. */
import type { Broker } from '../../src/broker/broker.ts';
import { openQuietly } from './kafka-inbox.ts';

/** Longer than tests take: what they lose is not lost to retention. */
const lasting = { streamMaxAgeMs: '5m' };

/** A broker on a stream that exists. */
export async function openWithStream(url: string, nats: object = lasting): Promise<Broker> {
  const broker = await openQuietly({ url, nats }, 'outage');
  await broker.createTopics([]);
  return broker;
}

/** Reads from the partition of NATS again, as much as there is of 1 000 records. */
export async function readFrom(broker: Broker, from: number, to = 1_000, topic = 'odin.trades') {
  const limits = { maxRecords: 1_000, maxBytes: 1_000_000, signal: AbortSignal.timeout(30_000) };
  return await broker.readBack({ topic, partition: 0, from, to, ...limits });
}
