/** What a limit of the machine is asked, and how it answers. */

import type { Target } from '../socket/target.ts';
import type { ReadText } from './proc.ts';

/** What a run needs of one machine. */
export interface Needs {
  /** Connections from this machine. */
  readonly connections: number;
  /** Connections of the worker that has most. */
  readonly perWorker: number;
  readonly workers: number;
  /** How many clients come within how long, for each stage in which any do. */
  readonly ramps: readonly { readonly clients: number; readonly lengthMs: number }[];
  readonly target: Pick<Target, 'address' | 'port' | 'sourceIps'> & { readonly isTls: boolean };
}

/** How the machine is looked at; tests have their own. */
export interface Sight {
  /** Files of /proc. Systems without it tell their limits elsewhere: nothing is refused there. */
  readonly readText: ReadText;
  /** Bytes that are left of the limit of the cgroup; undefined without one. */
  readonly cgroupFreeBytes: () => number | undefined;
  /** Cores that this process may use. */
  readonly cores: number;
  /** What keeps connections from starting at an address: `EADDRNOTAVAIL`; undefined for nothing. */
  readonly bindFault: (address: string) => Promise<string | undefined>;
  /** Addresses of this machine, without those of loopback. */
  readonly addresses: () => readonly string[];
}

/** Something that the machine has less of than the run needs. */
export interface Lack {
  /** What is needed, and what there is. */
  readonly what: string;
  /** What to do about it: a command or a flag, ready to be copied. */
  readonly fix: string;
}
