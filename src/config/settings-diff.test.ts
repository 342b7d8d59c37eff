import { expect, test } from 'vitest';
import { configSchema } from './schema.ts';
import { diffSettings, withReloadable } from './settings-diff.ts';

const server = (settings: Record<string, unknown> = {}) =>
  configSchema.parse({ server: settings }).server;

test('equal configurations differ in nothing, lists and durations written otherwise included', () => {
  const old = server({
    heartbeatMs: '60s',
    auth: { origins: 'https://a.example,https://b.example' },
  });
  const next = server({
    heartbeatMs: '1m',
    auth: { origins: ['https://a.example', 'https://b.example'] },
  });
  expect(diffSettings({ server: old }, { server: next })).toEqual({ changed: [], needRestart: [] });
});

test('what can be reloaded and what needs a restart are told apart, with old and new value', () => {
  const old = server({ limits: { ipRate: 5 } });
  const next = server({ port: 4_000, maxConnections: 5, limits: { ipRate: 2.5 }, nodeId: 'b' });
  expect(diffSettings({ server: old }, { server: next })).toEqual({
    changed: ['server.maxConnections: 12000 → 5', 'server.limits.ipRate: 5 → 2.5'],
    needRestart: ['server.port: 3004 → 4000', 'server.nodeId: unset → "b"'],
  });
});

test('secrets are masked', () => {
  const secret = 'a secret that is long enough for HS256';
  const old = server({ auth: { secret }, adminToken: 'old token' });
  const next = server({ auth: { secret: secret.toUpperCase() } });
  const diff = diffSettings({ server: old }, { server: next });
  expect(diff.changed).toEqual([]);
  expect(diff.needRestart.toSorted()).toEqual([
    'server.adminToken: ******** → unset',
    'server.auth.secret: ******** → ********',
  ]);
});

test('a setting that the schema does not know needs a restart', () => {
  const old = server();
  const next = { ...old, limits: { ...old.limits, invented: 1 } };
  expect(diffSettings({ server: old }, { server: next }).needRestart).toEqual([
    'server.limits.invented: unset → 1',
  ]);
});

test('after taking on, only what needs a restart still differs', () => {
  const old = server();
  const next = server({ port: 4_000, maxConnections: 5, guard: { cpuRejectPercent: 10 } });
  const merged = withReloadable(old, next);
  expect(merged).toEqual({ ...next, port: old.port });
  expect(diffSettings({ server: merged }, { server: next })).toEqual({
    changed: [],
    needRestart: ['server.port: 3004 → 4000'],
  });
});
