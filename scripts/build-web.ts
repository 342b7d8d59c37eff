/** Builds the pages of `src/web/` into `dist/web/`, and compresses what is sent compressed. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { build } from 'vite';

const root = fileURLToPath(new URL('../src/web/', import.meta.url));
const outDir = fileURLToPath(new URL('../dist/web/', import.meta.url));

/** Forms beside each file, by suffix. Pages have none: the server fills them in when it starts. */
const forms = {
  '.gz': (bytes: Buffer) => promisify(gzip)(bytes, { level: 9 }),
  '.br': (bytes: Buffer) =>
    promisify(brotliCompress)(bytes, {
      params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
};

await build({
  root,
  configFile: false,
  logLevel: 'warn',
  // Relative, so that the pages also work under a path of a proxy.
  base: './',
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    // Data in URLs would have to be allowed by the policy.
    assetsInlineLimit: 0,
    rolldownOptions: { input: [`${root}index.html`, `${root}ops.html`] },
  },
});

const assets = new URL('../dist/web/assets/', import.meta.url);
for (const name of await readdir(assets)) {
  const bytes = await readFile(new URL(name, assets));
  for (const [suffix, compress] of Object.entries(forms)) {
    const small = await compress(bytes);
    if (small.length < bytes.length) await writeFile(new URL(`${name}${suffix}`, assets), small);
  }
}
