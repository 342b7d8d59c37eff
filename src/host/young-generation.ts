/** The young generation: V8's room for new objects, which stays with a process once it has grown. */
import { setFlagsFromString } from 'node:v8';

/** It is as large as it is from now on; what is loaded later would make it several times that. */
export function holdYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
