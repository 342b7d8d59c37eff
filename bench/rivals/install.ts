/**
 * Rivals of a benchmark, installed when one asks for them: pinned, into `.cache/rivals`, and never a
 * dependency of odin. A run of `node bench/rivals/install.ts` installs all of them.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const cache = join(import.meta.dirname, '../../.cache/rivals');
/** A first `go install` compiles some hundred packages; on two busy cores that takes minutes. */
const timeoutMs = 1_200_000;

/** Those written in Go: the package of the command, and the version that is measured. */
export const goRivals = {
  centrifugo: { command: 'github.com/centrifugal/centrifugo/v6', version: 'v6.9.1' },
} as const;

/** Those from npm: each has a folder beside this file, with a `package.json` and its lock. */
const npmRivals = ['artillery', 'socketio', 'clients'] as const;

/** Installs a Go program unless it is there; resolves with the path of its binary. */
export async function installGo(name: keyof typeof goRivals): Promise<string> {
  const { command, version } = goRivals[name];
  const folder = join(cache, `${name}-${version}`);
  await installInto(folder, async (partial) => {
    const env = { ...process.env, GOBIN: partial, GOFLAGS: '-mod=mod -trimpath -buildvcs=false' };
    await promisify(execFile)('go', ['install', `${command}@${version}`], {
      timeout: timeoutMs,
      env,
    });
  });
  return join(folder, name);
}

/** Installs packages from npm unless they are there; resolves with the folder that has `node_modules`. */
export async function installNpm(name: (typeof npmRivals)[number]): Promise<string> {
  const source = join(import.meta.dirname, name);
  const lock = await readFile(join(source, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const folder = join(cache, `${name}-${hash}`);
  await installInto(folder, async (partial) => {
    for (const file of ['package.json', 'package-lock.json']) {
      await copyFile(join(source, file), join(partial, file));
    }
    const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
    await promisify(execFile)('npm', ['ci', ...options], { timeout: timeoutMs, cwd: partial });
  });
  return folder;
}

/** Whoever is first renames a complete folder into place; another run's copy is as good. */
async function installInto(folder: string, fill: (partial: string) => Promise<void>) {
  if (existsSync(folder)) return;
  console.log(`installing ${folder}`);
  const partial = `${folder}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  try {
    await fill(partial);
    await rename(partial, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  for (const name of Object.keys(goRivals)) await installGo(name as keyof typeof goRivals);
  for (const name of npmRivals) await installNpm(name);
}
