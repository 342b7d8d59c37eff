/** Tests of config-file.ts and fields.ts: what a file may hold, and that complaints are odin's own. */
import { expect, test } from 'vitest';
import { createHost } from '../../test/support/fake-host.ts';
import { readConfigFile } from './config-file.ts';
import { describeConfig } from './describe.ts';
import { allSections } from './document.ts';
import { resolveConfig } from './resolve.ts';
import { configSchema } from './schema.ts';

function hostWith(text: string) {
  return createHost({ files: { 'odin.yaml': text } });
}

test('what is no section is told, also where a flag sets a part of it', async () => {
  const text = 'loadtest: 5\nserver: [1]\nbroker: hi\nlog: true\npublish:\ntopics: {}';
  const request = {
    sections: ['loadtest'] as const,
    flags: { 'loadtest.connections': '5' },
    file: undefined,
  };
  const error = await resolveConfig(request, hostWith(text)).catch((thrown: Error) => thrown);
  expect((error as Error).message.split('\n')).toEqual([
    'odin.yaml: loadtest: expected settings below it, such as url: and caFile:, got 5',
    'odin.yaml: server: expected settings below it, such as mode: and shards:, got a list',
    'odin.yaml: broker: expected settings below it, such as url: and embedded:, got text',
    'odin.yaml: log: expected settings below it, such as level: and format:, got true',
  ]);
});

test.each([
  ['[1]', 'odin.yaml: expected sections such as server: and broker:, got a list'],
  ['server: { tls: yes please }', 'odin.yaml: server.tls: expected settings below it, such as'],
])('%s is no configuration', async (text, complaint) => {
  const { complaints } = await readConfigFile('odin.yaml', {}, hostWith(text));
  expect(complaints).toEqual([expect.stringContaining(complaint)]);
});

test('a file that was asked for has to be there; keys without a value are not set', async () => {
  const missing = readConfigFile('prod.yaml', { file: 'prod.yaml' }, hostWith(''));
  await expect(missing).rejects.toThrow('--config: cannot read prod.yaml: no such file');
  const { values } = await readConfigFile('odin.yaml', {}, hostWith('server: { port: }\nlog:'));
  expect(values).toEqual({ server: {} });
});

test('a file that is read while it is written is not taken for one without settings', async () => {
  const again = (text: string) => readConfigFile('odin.yaml', { mustHold: true }, hostWith(text));
  await expect(again(' \n')).rejects.toThrow('odin.yaml is empty, and held settings before');
  expect(await again('# nothing is set')).toEqual({ values: {}, complaints: [] });
  const gone = readConfigFile('other.yaml', { mustHold: true }, hostWith(''));
  await expect(gone).rejects.toThrow('other.yaml is gone');
});

test('nor is .env, once something of it was taken', async () => {
  const again = (files: Record<string, string>, mustHold: readonly string[]) =>
    resolveConfig(
      { sections: ['server'], flags: {}, file: undefined, mustHold: new Set(mustHold) },
      createHost({ files }),
    );
  await expect(again({ '.env': '\n' }, ['.env'])).rejects.toThrow('.env is empty, and held');
  await expect(again({}, ['.env'])).rejects.toThrow('.env is gone');
  await expect(again({ '.env': '' }, [])).resolves.toBeDefined();
});

test('whatever a file has in place of a value, the complaint is in our words', () => {
  const odd = [-1, 1e300, true, 'x', [1], {}];
  const foreign = new Set<string>();
  for (const { path } of describeConfig(allSections)) {
    for (const value of odd) {
      const file = path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
      for (const { message } of configSchema.safeParse(file).error?.issues ?? []) {
        if (/^Invalid|^Too |received (number|string|array|object|boolean)|^Unrec/.test(message)) {
          foreign.add(`${path.join('.')}: ${message}`);
        }
      }
    }
  }
  expect([...foreign]).toEqual([]);
});
