/** Recorder: writes snapshots to a file, one in a line. */
import { type FileHandle, open } from 'node:fs/promises';
import { messageOf, PreflightError, UsageError } from '../base/errors.ts';
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
      const reason = isThere ? 'the file is there already' : messageOf(error);
      throw new UsageError(`--record: cannot write ${path}: ${reason}`, {
        hint: isThere ? `--replay ${path} shows it; a new recording needs another name` : undefined,
        cause: error,
      });
    }
  }

  /** Resolves when it is written. Throws a PreflightError when it cannot be. */
  async write(snapshot: FleetSnapshot): Promise<void> {
    try {
      await this.#file.write(`${JSON.stringify(snapshot)}\n`);
    } catch (error) {
      throw new PreflightError(`--record: cannot write ${this.#path}: ${messageOf(error)}`, {
        hint: 'what was recorded until now is in the file',
        cause: error,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
