/** Which odin this is. */
import { readFileSync } from 'node:fs';

/** The version of this installation, as its package tells it. */
export function odinVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
