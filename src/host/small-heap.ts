/** A small heap, for a process that is left on for days: V8 lets it grow for speed, and keeps it. */
import { setFlagsFromString } from 'node:v8';

/**
 * Has the heap stay near what is in use. Call it before the first import of what draws: loading that
 * would make room for new objects which frames do not need.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  // V8 makes the room smaller when little happens; then more is taken for old that is garbage. It is
  // looked for once there is half as much again as was in use, not several times as much.
  setFlagsFromString('--heap-growing-percent=50');
}
