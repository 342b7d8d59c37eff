/** A NATS server as a process of our own, for tests. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { freeze } from './freeze.ts';
import { endProcess, startProcess } from './server-process.ts';

const startTimeoutMs = 60_000;

/** What a server is started with. */
export interface NatsOptions {
  /** Further lines of its configuration: `authorization { … }`. */
  readonly config?: string;
  /** On unless said otherwise. */
  readonly jetStream?: boolean;
}

/** A running server. Disposing it stops it and removes its data. */
export interface TestNats extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** `nats://127.0.0.1:port` */
  readonly url: string;
  /** Ends the process, as an operator (SIGTERM) or as a crash (SIGKILL). */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Enters lame duck mode: it tells its clients to leave, and closes their connections. */
  retire(): void;
  /** Has it do nothing any more, with its connections open; settles when all its threads stand. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Starts it again, on the same port and with its data. */
  start(): Promise<void>;
  /** Copies the data of a server that is stopped; what comes back puts the copy in its place. */
  keepData(): Promise<() => Promise<void>>;
}

/** Starts `binary` on a free port of the loopback and waits until it answers. */
export async function startNatsServer(
  binary: string,
  { config = '', jetStream = true }: NatsOptions = {},
): Promise<TestNats> {
  const folder = await mkdtemp(join(tmpdir(), 'odin-nats-'));
  const port = await freePort();
  const file = join(folder, 'nats.conf');
  const store = jetStream ? `jetstream { store_dir: "${join(folder, 'data')}" }\n` : '';
  const lameDuck = 'lame_duck_grace_period: "1s"\nlame_duck_duration: "30s"\n';
  await writeFile(file, `host: 127.0.0.1\nport: ${port}\n${store}${lameDuck}${config}\n`);
  const nats = new NatsProcess(binary, folder, port);
  try {
    await nats.start();
  } catch (error) {
    await nats[Symbol.asyncDispose]();
    throw error;
  }
  return nats;
}

class NatsProcess implements TestNats {
  readonly address: string;
  readonly #binary: string;
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | undefined;

  constructor(binary: string, folder: string, port: number) {
    this.#binary = binary;
    this.#folder = folder;
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
  }

  get url(): string {
    return `nats://${this.address}`;
  }

  async start(): Promise<void> {
    const logFile = join(this.#folder, 'nats.log');
    const child = startProcess(this.#binary, ['-c', join(this.#folder, 'nats.conf')], logFile);
    this.#child = child;
    const failed = once(child, 'error').then(([error]) => Promise.reject(error));
    failed.catch(() => {});
    const deadlineMs = performance.now() + startTimeoutMs;
    while (!(await Promise.race([answers(this.#port), failed]))) {
      if (child.exitCode === null && performance.now() < deadlineMs) continue;
      const tail = (await readFile(logFile, 'utf8')).slice(-3_000);
      throw new Error(`nats-server did not start (exit code ${child.exitCode}):\n${tail}`);
    }
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await endProcess(this.#child, signal);
  }

  retire(): void {
    this.#child?.kill('SIGUSR2');
  }

  async freeze(): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    await freeze(pid);
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async keepData(): Promise<() => Promise<void>> {
    const data = join(this.#folder, 'data');
    const copy = join(this.#folder, 'copy');
    await cp(data, copy, { recursive: true });
    return async () => {
      await rm(data, { recursive: true });
      await rename(copy, data);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Whether the server greets; waits a little when not. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'data', { signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    await sleep(20);
    return false;
  } finally {
    socket.destroy();
  }
}
