/** The machine that odin runs on, for reports that are to be compared later. */
import {
  arch,
  availableParallelism,
  cpus,
  freemem,
  hostname,
  loadavg,
  platform,
  release,
  totalmem,
} from 'node:os';

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

/** How the machine is now. */
export interface MachineUsage {
  readonly name: string;
  readonly system: string;
  readonly cpus: number;
  /** Time that all its processors were busy and idle since it started, in milliseconds. */
  readonly busyMs: number;
  readonly idleMs: number;
  /** Of the last minute; 0 where the system does not count it. */
  readonly load: number;
  readonly memoryBytes: number;
  /** What programs can still have. */
  readonly freeBytes: number;
}

/** This machine, of which a container is shown all. */
export function machineUsage(): MachineUsage {
  const { system, node, cpus: count, memoryBytes } = thisMachine();
  let [busyMs, idleMs] = [0, 0];
  for (const { times } of cpus()) {
    idleMs += times.idle;
    busyMs += times.user + times.nice + times.sys + times.irq;
  }
  const [load = 0] = loadavg();
  const name = hostname();
  const shown = { name, system: `${system}, node ${node}`, cpus: count, busyMs, idleMs };
  return { ...shown, load: Math.round(load * 100) / 100, memoryBytes, freeBytes: freemem() };
}
