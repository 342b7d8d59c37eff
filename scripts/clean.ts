/** Removes what an earlier build left: a file that was renamed must not stay in `dist/`. */
import { rmSync } from 'node:fs';

rmSync('dist', { recursive: true, force: true });
