/** What differs between two configurations, and whether a running server can take it on. */
import { isObject } from '../base/values.ts';
import { describeConfig, type Field } from './describe.ts';
import { allSections } from './document.ts';
import type { Config } from './schema.ts';

/** Differences, each by its path (`server.port`), in the order of the configuration. */
export interface SettingsDiff {
  /** Reloadable settings as `path: old → new`; secrets are masked. */
  readonly changed: readonly string[];
  /** All other settings, in the same form. */
  readonly needRestart: readonly string[];
}

/** Compares the sections that both have. A setting that the schema does not know needs a restart. */
export function diffSettings(old: Partial<Config>, next: Partial<Config>): SettingsDiff {
  const fields = fieldsByPath();
  const [before, after] = [leavesOf(old), leavesOf(next)];
  const changed: string[] = [];
  const needRestart: string[] = [];
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [from, to] = [before.get(path), after.get(path)];
    if (JSON.stringify(from) === JSON.stringify(to)) continue;
    const field = fields.get(path);
    const isSecret = field?.secret ?? false;
    const line = `${path}: ${shown(from, isSecret)} → ${shown(to, isSecret)}`;
    (field?.reloadable ? changed : needRestart).push(line);
  }
  return { changed, needRestart };
}

/** `old` with the reloadable settings of `next`: what a server runs with after taking them on. */
export function withReloadable(old: Config['server'], next: Config['server']): Config['server'] {
  const fields = fieldsByPath();
  const merge = (from: unknown, to: unknown, path: string): unknown => {
    if (!isObject(from) || !isObject(to)) return fields.get(path)?.reloadable ? to : from;
    const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
    return Object.fromEntries(
      [...keys].map((key) => [key, merge(from[key], to[key], `${path}.${key}`)]),
    );
  };
  return merge(old, next, 'server') as Config['server'];
}

function fieldsByPath(): ReadonlyMap<string, Field> {
  return new Map(describeConfig(allSections).map((field) => [field.path.join('.'), field]));
}

/** Values by path. What is not set has none. */
function leavesOf(node: object, path: readonly string[] = []): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  for (const [key, value] of Object.entries(node)) {
    if (!isObject(value)) leaves.set([...path, key].join('.'), value);
    else for (const [below, leaf] of leavesOf(value, [...path, key])) leaves.set(below, leaf);
  }
  return leaves;
}

function shown(value: unknown, isSecret: boolean): string {
  if (value === undefined) return 'unset';
  return isSecret ? '********' : JSON.stringify(value);
}
