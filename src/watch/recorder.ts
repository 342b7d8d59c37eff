/** Recorder: writes snapshots to a file, one in a line. */
import { type FileHandle, open } from 'node:fs/promises';
import { PreflightError, UsageError } from '../base/errors.ts';
import { fileFault } from '../base/file-fault.ts';
import type { FleetSnapshot } from '../protocol/fleet-snapshot.ts';

/** A file that grows. Disposing it closes it. */
export class Recorder implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Makes the file. Throws a UsageError when it is there already, or cannot be. */
  static async open(path: string): Promise<Recorder> {
    try {
      return new Recorder(path, await open(path, 'wx'));
    } catch (error) {
      const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
      const { reason, hint } = isThere
        ? {
            reason: 'the file is there already',
            hint: `--replay ${path} shows it; a new recording needs another name`,
          }
        : fileFault(error, path, 'write');
      throw new UsageError(`--record: cannot write ${path}: ${reason}`, { hint, cause: error });
    }
  }

  /** Resolves when it is written. Throws a PreflightError when it cannot be. */
  async write(snapshot: FleetSnapshot): Promise<void> {
    try {
      await this.#file.appendFile(`${JSON.stringify(snapshot)}\n`);
    } catch (error) {
      const { reason, hint } = fileFault(error, this.#path, 'write');
      throw new PreflightError(`--record: cannot write ${this.#path}: ${reason}`, {
        hint: [hint, 'what was recorded until now is in the file'].filter(Boolean).join('\n'),
        cause: error,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
