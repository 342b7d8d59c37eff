/** The machine that odin runs on, for reports that are to be compared later. */
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';

/** What a figure measured here depends on. */
export interface Machine {
  /** Version of Node, without the `v`. */
  readonly node: string;
  /** Operating system, its release and architecture: `linux 6.1.0 x64`. */
  readonly system: string;
  /** Model of the first core; empty where it is not told. */
  readonly cpuModel: string;
  /** Cores that can be used. */
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    node: process.versions.node,
    system: `${platform()} ${release()} ${arch()}`,
    cpuModel: cpus()[0]?.model.trim() ?? '',
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
