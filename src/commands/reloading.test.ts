import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { type Config, configSchema } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { createLog } from '../host/log.ts';
import { Reloading } from './reloading.ts';

const config = (settings: Record<string, unknown> = {}): Config => configSchema.parse(settings);
const resolved = (settings?: Record<string, unknown>): ResolvedConfig => {
  return { config: config(settings), origins: new Map(), warnings: [], file: 'odin.yaml' };
};

/** A reloading whose configurations arrive when the test says so. */
function start() {
  const waiting: PromiseWithResolvers<ResolvedConfig>[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = createLog(
    new Writable({
      write(chunk, _encoding, done) {
        lines.push(JSON.parse(String(chunk)));
        done();
      },
    }),
    'debug',
    'json',
  );
  let hangUp: (() => void) | undefined;
  const host = {
    onHangUp(callback: () => void) {
      hangUp = callback;
      return {
        [Symbol.dispose]() {
          hangUp = undefined;
        },
      };
    },
  } as Pick<Host, 'onHangUp'> as Host;
  const reconfigure = () => {
    const next = Promise.withResolvers<ResolvedConfig>();
    waiting.push(next);
    return next.promise;
  };
  const taken: number[] = [];
  const server = {
    reload({ maxConnections }: Config['server']) {
      taken.push(maxConnections);
      return { changed: [`now ${maxConnections}`], needRestart: [] };
    },
  };
  const reloading = new Reloading(host, reconfigure, log);
  return { reloading, server, waiting, taken, lines, hangUp: () => hangUp?.() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('what is asked for before there is a server is done when there is one, once', async () => {
  const { reloading, server, waiting, taken, hangUp } = start();
  await using _ = reloading;
  hangUp();
  hangUp();
  expect(waiting).toHaveLength(0);
  reloading.follow(server, config());
  waiting[0]!.resolve(resolved({ server: { maxConnections: 1 } }));
  await settled();
  expect([waiting.length, taken]).toEqual([1, [1]]);
});

test('signals in quick succession do not interleave, and the last one is not missed', async () => {
  const { reloading, server, waiting, taken, hangUp } = start();
  await using _ = reloading;
  reloading.follow(server, config());
  for (let n = 0; n < 5; n++) hangUp();
  expect(waiting).toHaveLength(1);
  waiting[0]!.resolve(resolved({ server: { maxConnections: 1 } }));
  await settled();
  expect([waiting.length, taken]).toEqual([2, [1]]);
  waiting[1]!.resolve(resolved({ server: { maxConnections: 2 } }));
  await settled();
  expect([waiting.length, taken]).toEqual([2, [1, 2]]);
  hangUp();
  expect(waiting).toHaveLength(3);
  waiting[2]!.resolve(resolved());
  await settled();
  expect(taken).toEqual([1, 2, 12_000]);
});

test('it says what changed, and what of all sections needs a restart', async () => {
  const { reloading, server, waiting, lines, hangUp } = start();
  await using _ = reloading;
  reloading.follow(server, config());
  hangUp();
  waiting[0]!.resolve(resolved({ broker: { url: 'kafka://a:1' }, log: { level: 'debug' } }));
  await settled();
  expect(lines).toMatchObject([
    { level: 'info', msg: 'limits reloaded', changed: ['now 12000'] },
    {
      level: 'warn',
      msg: 'settings that need a restart',
      settings: [
        expect.stringMatching(/^broker\.url: .* → "kafka:\/\/a:1"$/),
        'log.level: "info" → "debug"',
      ],
    },
  ]);
});

test('each complaint is a line of its own, and the next signal is heard', async () => {
  const { reloading, server, waiting, taken, lines, hangUp } = start();
  await using _ = reloading;
  reloading.follow(server, config());
  hangUp();
  waiting[0]!.reject(new UsageError('odin.yaml: a\nodin.yaml: b', { hint: 'look' }));
  await settled();
  expect(lines).toMatchObject(
    ['odin.yaml: a', 'odin.yaml: b'].map((complaint) => {
      return { level: 'error', msg: 'limits not reloaded', complaint, hint: 'look' };
    }),
  );
  hangUp();
  waiting[1]!.resolve(resolved());
  await settled();
  expect(taken).toEqual([12_000]);
});

test('disposing waits for what is under way, and hears no more', async () => {
  const { reloading, server, waiting, taken, hangUp } = start();
  reloading.follow(server, config());
  hangUp();
  hangUp();
  const disposed = reloading[Symbol.asyncDispose]();
  hangUp();
  waiting[0]!.resolve(resolved());
  await disposed;
  expect([waiting.length, taken]).toEqual([1, [12_000]]);
});
