/** What a consumer under test was given, and waiting for it. */
import { once } from 'node:events';
import { expect } from 'vitest';
import { RemoteError } from '../../src/base/errors.ts';
import type {
  Broker,
  BrokerRecord,
  ConsumeOptions,
  Consumption,
  LostRange,
  OutgoingRecord,
  Producer,
  TopicDescription,
} from '../../src/broker/broker.ts';
import { openBroker } from '../../src/broker/open.ts';
import { type Config, configSchema } from '../../src/config/schema.ts';
import { createLog } from '../../src/host/log.ts';

/** Value of records that tell how far an inbox is. */
const mark = 'the last of its key';

/** Takes records and ranges; pass its members to `consume`. */
export class Inbox extends EventTarget {
  readonly records: BrokerRecord[] = [];
  readonly lost: LostRange[] = [];

  readonly onRecords = (records: readonly BrokerRecord[]): void => {
    this.records.push(...records);
    this.dispatchEvent(new Event('change'));
  };

  readonly onLost = (range: LostRange): void => {
    this.lost.push(range);
    this.dispatchEvent(new Event('change'));
  };

  /** The values as text, in the order they came. */
  get values(): string[] {
    return this.records.map(({ value }) => value.toString());
  }

  /** Resolves when `isDone` holds; the test's own time limit ends a wait in vain. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await once(this, 'change');
  }

  async untilCount(count: number): Promise<void> {
    await this.until(() => this.records.length >= count);
  }

  /**
   * Sends one more record for each topic and key, waits for those, and forgets them. What came before
   * on their partitions has come by then, also what comes twice.
   */
  async untilLevel(
    producer: Producer,
    names: readonly string[],
    keys: readonly string[],
  ): Promise<void> {
    const isMark = ({ value }: BrokerRecord) => value.toString().startsWith(mark);
    const marks = names.flatMap((topic) => keys.map((key) => outgoing(topic, key, mark)));
    await producer.send(marks);
    await this.until(() => this.records.filter(isMark).length >= marks.length);
    this.records.splice(0, Infinity, ...this.records.filter((record) => !isMark(record)));
  }
}

/** The section `broker` with defaults for what is not given. */
function brokerConfig(given: object): Config['broker'] {
  return configSchema.parse({ broker: given }).broker;
}

/** Opens a broker that logs nothing below errors. */
export async function openQuietly(given: object, nodeId: string): Promise<Broker> {
  const log = createLog(process.stderr, process.env['TEST_LOG_LEVEL'] ?? 'error', 'json');
  return await openBroker(brokerConfig(given), { log, nodeId });
}

/** Consumes into `inbox`. */
export async function consumeInto(
  broker: Broker,
  inbox: Inbox,
  options: Partial<ConsumeOptions> = {},
): Promise<Consumption> {
  return await broker.consume({
    lookbackMs: 0,
    onRecords: inbox.onRecords,
    onLost: inbox.onLost,
    ...options,
  });
}

/** A record whose time is now. */
export function outgoing(topic: string, key: string, value: string): OutgoingRecord {
  return { topic, key, value, timestampMs: Date.now() };
}

/** A topic that keeps records for ten minutes. */
export function shape(topic: string, partitions = 3): TopicDescription {
  return { topic, partitions, replicationFactor: 1, retentionMs: 600_000 };
}

/** The RemoteError that `work` fails with. */
export async function failure(work: Promise<unknown>): Promise<RemoteError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RemoteError);
  return error as RemoteError;
}
