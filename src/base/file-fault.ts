/** Why a file cannot be read or written, in words, and what helps: one wording for all flags. */
import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, UsageError } from './errors.ts';

/** What is wrong, and what to do about it where that is known. */
export interface FileFault {
  readonly reason: string;
  readonly hint: string | undefined;
}

type Use = 'read' | 'write';

const noSpace = { reason: 'no space is left on the device', hint: 'make room: df -h shows where' };

const faults: Readonly<Record<string, (path: string, use: Use) => FileFault>> = {
  ENOENT: (path, use) =>
    use === 'read'
      ? { reason: 'no such file', hint: `see what is there: ls ${folderOf(path)}` }
      : { reason: `no file can be made in ${folderOf(path)}`, hint: 'choose another folder' },
  EISDIR: () => ({ reason: 'it is a folder', hint: 'name a file in it' }),
  ENOTDIR: (path) => ({
    reason: `${fileIn(path)} is no folder`,
    hint: 'check the path: a part of it is a file',
  }),
  EACCES: notAllowed,
  EPERM: notAllowed,
  EROFS: () => ({ reason: 'the file system is read-only', hint: 'choose another folder' }),
  EBUSY: () => ({ reason: 'something else has hold of it', hint: 'choose another name' }),
  ENOSPC: () => noSpace,
  EDQUOT: () => noSpace,
  ENXIO: (path) => ({
    reason: 'nobody reads from it',
    hint: `it is a pipe: let somebody read first, as with cat ${path}`,
  }),
  ETIMEDOUT: () => ({
    reason: 'whoever reads from it takes nothing',
    hint: 'write to a file, and read that',
  }),
  ELOOP: () => ({ reason: 'its links lead in a circle', hint: undefined }),
  ENAMETOOLONG: () => ({ reason: 'the name is too long', hint: 'choose a shorter one' }),
};

/** Tells a failure of the file system; one that is not known here keeps its own words. */
export function fileFault(error: unknown, path: string, use: Use): FileFault {
  const { code } = error as NodeJS.ErrnoException;
  return faults[code ?? '']?.(path, use) ?? { reason: messageOf(error), hint: undefined };
}

/** The error for a file that cannot be read; `name` is the flag or setting that it was given with. */
export function cannotRead(path: string, error: unknown, name?: string): UsageError {
  const { reason, hint } = fileFault(error, path, 'read');
  const place = name === undefined ? '' : `${name}: `;
  return new UsageError(`${place}cannot read ${path || "''"}: ${reason}`, { hint, cause: error });
}

/** As {@link cannotRead} tells of a file that is not there. */
export const noSuchFile = Object.freeze(
  Object.assign(new Error('no such file'), { code: 'ENOENT' }),
);

function notAllowed(path: string, use: Use): FileFault {
  const what = use === 'read' ? path : folderOf(path);
  return { reason: 'not allowed', hint: `see who may: ls -la ${what}` };
}

/** The part of a path that is a file, and would have to be a folder. */
function fileIn(path: string): string {
  for (let part = wholePath(path); part !== dirname(part); part = dirname(part)) {
    try {
      return statSync(part).isDirectory() ? folderOf(path) : part;
    } catch {
      // Of what is below a file, nothing is there.
    }
  }
  return folderOf(path);
}

/** With its whole path: where a relative one begins is what people get wrong. */
function folderOf(path: string): string {
  return wholePath(dirname(path));
}

/** A path from the root on; as it is where the folder that it begins in was removed. */
export function wholePath(path: string): string {
  try {
    return resolve(path);
  } catch {
    return path;
  }
}
