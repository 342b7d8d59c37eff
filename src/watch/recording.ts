/** Recording: a file of snapshots, any of which can be read. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { UsageError } from '../base/errors.ts';
import { cannotRead } from '../base/file-fault.ts';
import { isObject } from '../base/values.ts';
import type { FleetSnapshot } from '../protocol/fleet-snapshot.ts';
import { isStatusReport } from './subjects.ts';

/** Looks that a recording may have; a week and a half of seconds. */
const maxLooks = 1_000_000;
const chunkBytes = 1024 * 1024;
/** A line is read up to this size; those of a hundred nodes are smaller. */
const maxLineBytes = 16 * 1024 * 1024;
/** The last time that a date can be of. */
const maxTimeMs = 8.64e15;
const newline = 0x0a;

/** What is kept of the file is where its lines begin. Disposing it closes the file. */
export class Recording implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  /** Where each line begins, and behind the last one. */
  readonly #starts: readonly number[];

  private constructor(path: string, file: FileHandle, starts: readonly number[]) {
    this.#path = path;
    this.#file = file;
    this.#starts = starts;
  }

  /** Throws a UsageError when there is no such file, nothing in it, or too much. */
  static async open(path: string): Promise<Recording> {
    const unreadable = (error: unknown) => {
      throw cannotRead(path, error, '--replay');
    };
    // A pipe would be waited for, and cannot be gone through.
    const found = await stat(path).catch(unreadable);
    if (!found.isFile() && !found.isDirectory())
      throw new UsageError(`--replay: ${path} is no file`, {
        hint: 'write the looks to a file first: a recording is gone through back and forth',
      });
    const file = await open(path).catch(unreadable);
    try {
      const recording = new Recording(path, file, await lineStarts(file).catch(unreadable));
      if (recording.count === 0) throw new UsageError(`--replay: ${path} holds no snapshots`);
      if (recording.count > maxLooks)
        throw new UsageError(`--replay: ${path} holds more than ${maxLooks} looks`, {
          hint: `\`split -l ${maxLooks} ${path}\` makes several files of it, each of which can be shown`,
        });
      await recording.read(0);
      return recording;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Snapshots in it. */
  get count(): number {
    return this.#starts.length - 1;
  }

  /** The snapshot at `index`, from 0. Throws a UsageError when the line holds something else. */
  async read(index: number): Promise<FleetSnapshot> {
    const [start = 0, end = 0] = this.#starts.slice(index, index + 2);
    const size = end - start;
    const odd = () =>
      new UsageError(`--replay: ${this.#path}:${index + 1} is no snapshot of odin top`);
    if (size > maxLineBytes) throw odd();
    const { buffer, bytesRead } = await this.#file.read(Buffer.alloc(size), 0, size, start);
    try {
      const found: unknown = JSON.parse(buffer.toString('utf8', 0, bytesRead));
      if (isSnapshot(found)) return found;
    } catch {}
    throw odd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Looks at what a page that was asked would be looked at for, so that a file can hold no more harm. */
function isSnapshot(found: unknown): found is FleetSnapshot {
  if (!isObject(found) || found['schemaVersion'] !== 1) return false;
  const { time_ms: time, nodes } = found;
  if (typeof time !== 'number' || Math.abs(time) > maxTimeMs) return false;
  if (!Array.isArray(nodes)) return false;
  return nodes.every(
    (node) =>
      isObject(node) &&
      typeof node['url'] === 'string' &&
      (node['report'] === null || isStatusReport(node['report'])),
  );
}

/** A last line that does not end was cut off while it was written, and is left out. Ends beyond the limit. */
async function lineStarts(file: FileHandle): Promise<number[]> {
  const starts = [0];
  const chunk = Buffer.alloc(chunkBytes);
  for (let at = 0; starts.length <= maxLooks + 1; ) {
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
    if (bytesRead === 0) break;
    const read = chunk.subarray(0, bytesRead);
    for (let found = read.indexOf(newline); found >= 0; found = read.indexOf(newline, found + 1)) {
      starts.push(at + found + 1);
    }
    at += bytesRead;
  }
  return starts;
}
