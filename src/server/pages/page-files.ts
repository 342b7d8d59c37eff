/** Page files: the built pages, read once, each with its compressed forms and its ETag. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** Forms that a file may be sent in, the smallest first. */
export const encodings = ['br', 'gzip', 'identity'] as const;

/** A content encoding. */
export type Encoding = (typeof encodings)[number];

/** One file, ready to be sent. */
export interface PageFile {
  readonly contentType: string;
  /** Without quotes; that of a form has its encoding behind. */
  readonly tag: string;
  /** Whether its name changes with its content, so that it may be kept for ever. */
  readonly isHashed: boolean;
  /** The file as it is, and those of its compressed forms that there are. */
  readonly bodies: { readonly identity: Buffer } & Readonly<Record<Encoding, Buffer | undefined>>;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Beside the build; sources, as tests run them, take what was built last. */
const built = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/web/' : '../../web/',
  import.meta.url,
);

/**
 * All files by path (`assets/board-1a2b.js`). Empty when the pages were not built. `fill` is what a
 * page is changed by before it is shown: what only this server knows.
 */
export async function readPageFiles(
  fill: (html: string) => string,
  folder = built,
): Promise<ReadonlyMap<string, PageFile>> {
  const names = await namesIn(folder);
  const files = names
    .filter((name) => extname(name) in contentTypes)
    .map(async (name) => [name, await readPageFile(folder, name, names, fill)] as const);
  return new Map(await Promise.all(files));
}

async function readPageFile(
  folder: URL,
  name: string,
  names: readonly string[],
  fill: (html: string) => string,
): Promise<PageFile> {
  const read = (path: string) => readFile(new URL(path, folder));
  const isPage = name.endsWith('.html');
  const raw = await read(name);
  const identity = isPage ? Buffer.from(fill(raw.toString())) : raw;
  // Assets are compressed when they are built, and only if that pays; pages are a few KiB.
  const form = async (suffix: string, compress: (bytes: Buffer) => Buffer) => {
    if (isPage) return compress(identity);
    return names.includes(`${name}${suffix}`) ? await read(`${name}${suffix}`) : undefined;
  };
  return {
    contentType: contentTypes[extname(name)] as string,
    tag: createHash('sha256').update(identity).digest('base64url').slice(0, 16),
    isHashed: name.startsWith('assets/'),
    bodies: {
      identity,
      gzip: await form('.gz', (bytes) => gzipSync(bytes)),
      br: await form('.br', (bytes) => brotliCompressSync(bytes)),
    },
  };
}

async function namesIn(place: URL): Promise<string[]> {
  try {
    return await readdir(place, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
