/** NATS for tests: the server of the run, servers of their own, and what odin itself does not do. */
import { randomBytes } from 'node:crypto';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { describe, inject } from 'vitest';
import { type NatsOptions, startNatsServer, type TestNats } from './nats-process.ts';

export type { TestNats } from './nats-process.ts';

/** Address of the run's NATS; undefined when there is none, and then its tests are skipped. */
export const natsUrl: string | undefined = inject('natsUrl');

const binary = inject('natsServer');

/** `describe` that is skipped, visibly, when there is no NATS. */
export const describeNats = describe.skipIf(natsUrl === undefined);

/** Starts a server of its own. */
export async function startNats(options: NatsOptions = {}): Promise<TestNats> {
  return await startNatsServer(binary!, options);
}

/** Stream and subjects that no other test uses. */
export function ownStream(): { readonly stream: string; readonly subjectPrefix: string } {
  const name = `test-${randomBytes(6).toString('hex')}`;
  return { stream: name, subjectPrefix: name };
}

/** A client of the library itself. */
export interface NatsAdmin extends AsyncDisposable {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

/** Connects without any login. */
export async function natsAdmin(url: string): Promise<NatsAdmin> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  return { connection, manager, [Symbol.asyncDispose]: () => connection.close() };
}
