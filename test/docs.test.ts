/** Generated files are what the schema says today. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generatedFiles } from '../scripts/write-docs.ts';

test.each(Object.entries(generatedFiles()))(
  '%s is up to date; `npm run docs` writes it',
  (path, text) => {
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);
