/** Errors a person can act on, and the exit codes of every command. Anything else is a bug. */

/** Exit codes of the `odin` process; 98 and 99 follow k6's habit of high numbers for verdicts. */
export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  preflight: 3,
  remote: 4,
  timeout: 5,
  partial: 6,
  changesPending: 10,
  inconclusive: 98,
  thresholds: 99,
  interrupted: 130,
} as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

interface OdinErrorOptions {
  /** What the reader can do about it; one or more lines. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Base of all expected errors: printed as `error:` and `hint:` lines, without a stack. */
export abstract class OdinError extends Error {
  abstract readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, { hint, cause }: OdinErrorOptions = {}) {
    super(message, { cause });
    this.name = new.target.name;
    this.hint = hint;
  }
}

/** The command line or the configuration is wrong. The message may hold several lines. */
export class UsageError extends OdinError {
  override readonly exitCode = exitCodes.usage;
}

/** Something the run needs is missing on this machine: descriptors, source ports, disk. */
export class PreflightError extends OdinError {
  override readonly exitCode = exitCodes.preflight;
}

/** A broker, server or API could not be reached, or refused us; or a port of ours is taken. */
export class RemoteError extends OdinError {
  override readonly exitCode = exitCodes.remote;
}

/** Somebody ended a command before it had begun with its work: no error of anybody's. */
export class Interrupted extends OdinError {
  override readonly exitCode = exitCodes.interrupted;
}

/** A process of odin's own ended, and would not stay up. */
export class ProcessError extends OdinError {
  override readonly exitCode = exitCodes.bug;
}

/** The message of anything thrown, for logs and hints. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join('; ');
  }
  return error instanceof Error ? error.message : String(error);
}
