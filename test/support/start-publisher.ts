/** A real publisher with its control API; the broker is a producer that collects. */
import { createReadStream } from 'node:fs';
import { type Readable, Writable } from 'node:stream';
import type { OutgoingRecord, Producer } from '../../src/broker/broker.ts';
import { configSchema } from '../../src/config/schema.ts';
import { createLog } from '../../src/host/log.ts';
import { type RunningPublisher, startPublisher } from '../../src/publisher/index.ts';

/** Collects; can be made to hold its answers back, or to give up. */
export class CollectingProducer implements Producer {
  readonly records: OutgoingRecord[] = [];
  #stall: PromiseWithResolvers<void> | undefined;
  failure: Error | undefined;

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    for (const record of records) this.records.push(record);
    await this.#stall?.promise;
  }

  stall(): void {
    this.#stall = Promise.withResolvers();
  }

  release(): void {
    this.#stall?.resolve();
    this.#stall = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** A running publisher with what a test needs to drive it. */
export interface TestPublisher extends AsyncDisposable {
  readonly publisher: RunningPublisher;
  readonly producer: CollectingProducer;
  readonly logLines: Record<string, unknown>[];
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: never }>;
}

/** Starts one with seed 1 and the API on a free port; settings are those of `odin.yaml`. */
export async function startTestPublisher(
  settings: Record<string, unknown>,
  {
    producer = new CollectingProducer(),
    input = createReadStream as (path: string) => Readable,
  } = {},
): Promise<TestPublisher> {
  const config = configSchema.parse({ publish: { apiPort: 0, seed: 1, ...settings } }).publish;
  const logLines: Record<string, unknown>[] = [];
  const output = new Writable({
    write(chunk, _encoding, done) {
      logLines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const log = createLog(output, 'debug', 'json');
  const publisher = await startPublisher(config, { producer, log, readInput: input });
  return {
    publisher,
    producer,
    logLines,
    async call(method, path, body) {
      const response = await fetch(`${publisher.apiUrl}${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as never };
    },
    [Symbol.asyncDispose]: () => publisher[Symbol.asyncDispose](),
  };
}
