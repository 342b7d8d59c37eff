/** What the SDK weighs in a browser, and what it brings along. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { expect, test } from 'vitest';

const kib = 1_024;
const src = fileURLToPath(new URL('../src/', import.meta.url));

/** A page that uses `names` of a module of the SDK, as an application would ship it. */
async function bundled(file: string, names: string) {
  const page = `import { ${names} } from '${src}client/${file}'; globalThis.odin = { ${names} };`;
  const result = (await build({
    configFile: false,
    logLevel: 'error',
    plugins: [
      {
        name: 'page',
        resolveId: (id) => (id === 'page.js' ? id : null),
        load: (id) => (id === 'page.js' ? page : null),
      },
    ],
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: { input: 'page.js', external: /^react/, preserveEntrySignatures: false },
    },
  })) as Rolldown.RolldownOutput;
  const [chunk, ...others] = result.output;
  expect(others).toEqual([]);
  const modules = Object.keys(chunk.modules).filter((id) => id.startsWith(src));
  return {
    code: chunk.code,
    gzipBytes: gzipSync(chunk.code, { level: 9 }).length,
    folders: new Set(modules.map((id) => id.slice(src.length).split('/')[0])),
  };
}

test('the SDK is at most 8 KiB, with nothing of Node and no dependency', async () => {
  const { code, gzipBytes, folders } = await bundled('index.ts', 'OdinClient');
  expect(gzipBytes).toBeLessThanOrEqual(8 * kib);
  expect([...folders].sort()).toEqual(['client', 'events', 'protocol']);
  expect(code).not.toMatch(/node:|\bprocess\b|\bBuffer\b|\bimport\b/);
});

test('the hooks are at most 2 KiB more, beside React', async () => {
  const { code, gzipBytes } = await bundled(
    'react.ts',
    'OdinProvider, useOdin, useChannel, useToken',
  );
  expect(gzipBytes).toBeLessThanOrEqual(10 * kib);
  expect(code.match(/from ?["'`]([^"'`]+)/g)).toHaveLength(1);
});
