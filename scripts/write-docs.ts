/** Writes the files that are generated from the configuration schema; `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { configJsonSchema } from '../src/config/describe.ts';
import { configPage, sampleFile } from '../src/config/document.ts';

/** Generated files by path, with their content as it should be. */
export function generatedFiles(): Record<string, string> {
  return {
    'docs/config.md': configPage(),
    'templates/odin.yaml': sampleFile(),
    'templates/odin.schema.json': `${JSON.stringify(configJsonSchema(), null, 2)}\n`,
  };
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(generatedFiles())) writeFileSync(path, text);
}
