/** How many files and sockets a process may have open, as Linux tells it. */

/** Descriptors of a process besides its connections: the runtime, pipes, the log. */
export const reservedDescriptors = 100;

/** The soft and the hard limit of what `/proc/self/limits` says; undefined where it says none. */
export function descriptorLimits(limits: string | undefined): {
  readonly soft?: number | undefined;
  readonly hard?: number | undefined;
} {
  // Also no number for "unlimited".
  const [, soft, hard] = /^Max open files\s+(\d+)\s+(\w+)/m.exec(limits ?? '') ?? [];
  return soft === undefined ? {} : { soft: Number(soft), hard: Number(hard) };
}
