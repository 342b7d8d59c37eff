import { expect, test } from 'vitest';
import { odin } from '../../test/support/fake-host.ts';
import { aliases } from './environment.ts';

function readNatsUrl(text: string): Readonly<Record<string, string>> | undefined {
  return aliases.find(({ env }) => env === 'NATS_URL')!.read(text);
}

test.each([
  ['nats://a:4222', 'nats://a:4222'],
  ['a', 'nats://a'],
  ['nats://a:1, nats://b:2/', 'nats://a:1,nats://b:2'],
  ['tls://connect.ngs.global', 'tls://connect.ngs.global'],
])('NATS_URL=%s names the broker', (text, url) => {
  expect(readNatsUrl(text)).toEqual({ 'broker.url': url });
});

test.each([
  ['nats://odin:s%40fe@a:4222', { user: 'odin', password: 's@fe' }],
  ['nats://t0ken@a:4222', { token: 't0ken' }],
])('a login in NATS_URL=%s goes where it is not shown', (text, login) => {
  const settings = Object.entries(login).map(([name, value]) => [`broker.nats.${name}`, value]);
  expect(readNatsUrl(text)).toEqual({
    'broker.url': 'nats://a:4222',
    ...Object.fromEntries(settings),
  });
});

test('secrets of NATS show neither in the configuration nor in complaints', async () => {
  const env = { NATS_URL: 'nats://odin:S3CRET@a:4222', JS_STREAM_NAME: 'no good' };
  const bad = await odin('config show --json', { env });
  expect(bad.exitCode).toBe(2);
  expect(bad.stderr).toContain('JS_STREAM_NAME');
  const shown = await odin('config show --json', { env: { ...env, JS_STREAM_NAME: 'GOOD' } });
  expect(shown.exitCode).toBe(0);
  const flag = await odin('serve --broker nats://odin:S3CRET@a:4222');
  expect(flag.exitCode).toBe(2);
  expect(flag.stderr).toContain('nats://…@a:4222');
  for (const { stdout, stderr } of [bad, shown, flag]) {
    expect(stdout + stderr).not.toContain('S3CRET');
  }
});

test.each([
  'kafka://a:1',
  'nats://a',
  'nats://a:4222,nats://b:4222',
  'nats://a:4222,b:4222',
  'tls://a',
  'embedded',
])('the broker %s is understood', async (url) => {
  expect((await odin('config check', { env: { ODIN_BROKER: url } })).stderr).toBe('');
});

test.each(['nats://', 'nats://a:x', 'kafka://a', 'http://a:1', 'nats://a:4222,'])(
  'the broker %s is refused',
  async (url) => {
    const { exitCode, stderr } = await odin('config check', { env: { ODIN_BROKER: url } });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('expected embedded, kafka://');
  },
);

test('the names of the NATS era set what they did', async () => {
  const env = {
    JS_STREAM_MAX_AGE: '45s',
    JS_STREAM_MAX_MSGS: '5',
    JS_STREAM_MAX_BYTES: '52428800',
    JS_CONSUMER_NAME: 'ws-server',
    WS_MAX_NATS_RATE: '25',
  };
  const { stdout, stderr } = await odin('config show --json', { env });
  expect(stderr).not.toContain('no effect');
  const values = JSON.parse(stdout) as Record<string, unknown>;
  expect(JSON.stringify(values)).toContain('"value":25');
});
