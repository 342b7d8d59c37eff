/** What keeps the events of a server that is killed: NATS for odin, Redis for Centrifugo. */
import { execFileSync } from 'node:child_process';
import { startNatsServer } from '../../test/support/nats-process.ts';
import { startProgram } from '../processes.ts';
import { odin } from '../servers.ts';
import { freePort } from './servers-contenders.ts';

/** Those that are on the path; what is not there is undefined. */
export interface Brokers extends AsyncDisposable {
  /** `nats://…`, with JetStream. */
  readonly nats: string | undefined;
  /** `redis://…`, in memory. */
  readonly redis: string | undefined;
}

/** Starts what is on this machine. */
export async function startBrokers(): Promise<Brokers> {
  const [nats, redis] = [await startNats(), await startRedis()];
  return {
    nats: nats?.url,
    redis: redis?.url,
    async [Symbol.asyncDispose]() {
      await nats?.[Symbol.asyncDispose]();
      await redis?.[Symbol.asyncDispose]();
    },
  };
}

async function startNats() {
  // Debian puts it where only the path of root leads.
  const binary = firstOf('nats-server', '/usr/sbin/nats-server');
  if (binary === undefined) return undefined;
  const nats = await startNatsServer(binary);
  execFileSync(process.execPath, [...odin, 'topics', 'create', '--broker', nats.url]);
  return nats;
}

async function startRedis() {
  const binary = firstOf('redis-server', 'valkey-server');
  if (binary === undefined) return undefined;
  const port = await freePort();
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'];
  const child = await startProgram(binary, args, (line) => line.includes('Ready to accept'));
  return {
    url: `redis://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

function firstOf(...names: readonly string[]): string | undefined {
  return names.find((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}
