/** The jars of the Kafka that the tests start: fetched with Maven once, then kept in `.cache/`. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const fetchTimeoutMs = 300_000;

/** A class path with Kafka; fetches it first when `pom.xml` names another than the cached one. */
export async function kafkaClassPath(): Promise<string> {
  const pom = join(root, 'pom.xml');
  const version = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const jars = join(root, '.cache/kafka', version);
  if (!existsSync(jars)) await fetchJars(pom, jars);
  return join(jars, '*');
}

async function fetchJars(pom: string, jars: string): Promise<void> {
  // Whoever is first renames a complete folder into place; another run's copy is as good.
  const partial = `${jars}.${process.pid}`;
  await mkdir(partial, { recursive: true });
  const goal = 'dependency:copy-dependencies';
  const options = ['-DincludeScope=runtime', `-DoutputDirectory=${partial}`];
  try {
    await promisify(execFile)('mvn', ['-q', '-B', '-f', pom, goal, ...options], {
      timeout: fetchTimeoutMs,
    });
    await rename(partial, jars);
  } catch (error) {
    if (!existsSync(jars)) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
