/** Generated files are what the schema says today. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generatedFiles } from '../scripts/write-docs.ts';
import { eventTypes } from '../src/events/event-types.ts';

test.each(Object.entries(generatedFiles()))(
  '%s is up to date; `npm run docs` writes it',
  (path, text) => {
    expect(readFileSync(path, 'utf8')).toBe(text);
  },
);

test.each(Object.entries(eventTypes))(
  'docs/protocol.md says what %s is',
  (type, { category, priority }) => {
    const row = new RegExp(`^\\| \`${category}\` \\| ${priority} \\|.* \`${type}\` `, 'm');
    expect(readFileSync('docs/protocol.md', 'utf8')).toMatch(row);
  },
);
