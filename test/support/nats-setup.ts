/** Gives the integration tests a NATS server: `NATS_SERVER`, the one on the path, or Debian's. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { startNatsServer, type TestNats } from './nats-process.ts';
import { needsBrokers } from './test-workers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The program; undefined when the tests that need NATS are skipped. */
    natsServer: string | undefined;
    /** One that runs all the time, with JetStream and without any login. */
    natsUrl: string | undefined;
  }
}

const run = promisify(execFile);
const installTimeoutMs = 180_000;

/** Runs once before all integration tests; what it returns runs after them. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  let nats: TestNats;
  if (!needsBrokers(project)) return undefined;
  try {
    const binary = await findServer();
    nats = await startNatsServer(binary);
    project.provide('natsServer', binary);
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    process.stderr.write(
      `\n*** No NATS could be started: all tests that need one are SKIPPED. ***\n${String(error)}\n` +
        'They need nats-server on the path, or NATS_SERVER=/path/to/nats-server.\n\n',
    );
    project.provide('natsServer', undefined);
    project.provide('natsUrl', undefined);
    return undefined;
  }
  project.provide('natsUrl', nats.url);
  return async () => await nats[Symbol.asyncDispose]();
}

async function findServer(): Promise<string> {
  const given = process.env['NATS_SERVER'];
  if (given) return given;
  const found = await firstThere();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0) throw new Error('there is no nats-server');
  await install();
  const installed = await firstThere();
  if (installed === undefined) throw new Error('nats-server was installed, and is not there');
  return installed;
}

/** Debian puts it where only the path of root leads. */
async function firstThere(): Promise<string | undefined> {
  for (const name of ['nats-server', '/usr/sbin/nats-server']) {
    const isThere = await run(name, ['--version']).then(
      () => true,
      () => false,
    );
    if (isThere) return name;
  }
  return undefined;
}

async function install(): Promise<void> {
  const options = {
    timeout: installTimeoutMs,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  };
  const packages = ['install', '-y', '--no-install-recommends', 'nats-server'];
  await run('apt-get', packages, options).catch(async () => {
    await run('apt-get', ['update'], options);
    await run('apt-get', packages, options);
  });
}
