/** Default < file < environment < flag; every complaint at once, each with the place it came from. */

import { parseEnv } from 'node:util';
import leven from 'leven';
import type * as z from 'zod';
import { UsageError } from '../base/errors.ts';
import { isObject } from '../base/values.ts';
import type { Host } from '../host/host.ts';
import { keysAt, leafPaths, readConfigFile, refuseEmptied } from './config-file.ts';
import { contradictionsIn, isContradiction } from './contradictions.ts';
import { describeConfig, type Field } from './describe.ts';
import { aliases, withoutEffect } from './environment.ts';
import { idleFlags } from './idle-flags.ts';
import { loadPresetNames, loadPresets } from './load-presets.ts';
import { type Config, configSchema, type Section } from './schema.ts';

/** What a command asks for. */
export interface ConfigRequest {
  /**
   * Sections that it uses: their environment names are read, and what they say has to fit together.
   * Every single value of the file is checked, whatever its section.
   */
  readonly sections: readonly Section[];
  /** Values of the flags by path (`server.port`); sections share flag names. Absent when not given. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** `--config`; without it `odin.yaml` is read if it is there. */
  readonly file: string | undefined;
  /** Files that settings were taken from before: when one is empty or gone, that is an error. */
  readonly mustHold?: ReadonlySet<string>;
}

/** The configuration, and where each value that is no default came from. */
export interface ResolvedConfig {
  readonly config: Config;
  /** `server.port` → `--port`, `WS_ADDR`, `.env: WS_ADDR` or `odin.yaml`. */
  readonly origins: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
  /** The configuration file, whether it is there or not. */
  readonly file: string;
}

/** What has been gathered so far from files, environment and flags. */
interface Draft {
  readonly values: Record<string, unknown>;
  readonly origins: Map<string, string>;
  readonly complaints: string[];
  readonly warnings: string[];
}

/** Characters of a wrong value that are shown. */
const maxShownChars = 200;

/** Resolves the configuration. Throws a UsageError that lists every complaint. */
export async function resolveConfig(request: ConfigRequest, host: Host): Promise<ResolvedConfig> {
  const fields = describeConfig(request.sections);
  const draft: Draft = { values: {}, origins: new Map(), complaints: [], warnings: [] };
  const file = request.file ?? 'odin.yaml';
  const mustHold = request.mustHold?.has(file) ?? false;
  const { values, complaints } = await readConfigFile(file, { file: request.file, mustHold }, host);
  Object.assign(draft.values, values);
  draft.complaints.push(...complaints);
  for (const key of leafPaths(values)) draft.origins.set(key, file);
  const dotEnv = await host.readText('.env');
  if (request.mustHold?.has('.env')) refuseEmptied('.env', dotEnv);
  applyEnvironment(fields, parseEnv(dotEnv ?? ''), '.env: ', draft);
  applyEnvironment(fields, host.env, '', draft);
  for (const field of fields) {
    const value = request.flags[field.path.join('.')];
    if (value === undefined) continue;
    // As of a variable of a shell that is not set: not what was meant, and not to be passed over.
    if (isEmpty(value, field)) draft.complaints.push(emptyFlag(field.flag, field.value));
    else assign(draft, field.path, value, `--${field.flag}`);
  }
  fillFromPreset(draft);
  settleContradictions(draft, file, request.sections);
  const parsed = parseUsed(draft.values, request.sections);
  const secrets = secretPaths();
  for (const issue of parsed.error?.issues ?? []) {
    draft.complaints.push(...complaintsOf(issue, draft, file, secrets));
  }
  if (parsed.success) {
    const origins = originsIn(request.sections, draft);
    draft.complaints.push(...idleFlags(parsed.data.loadtest, origins, file));
  }
  if (!parsed.success || draft.complaints.length > 0) {
    // A value can break several rules of one kind, which say the same.
    throw new UsageError([...new Set(draft.complaints)].join('\n'), {
      hint: '`odin config docs` lists every setting',
    });
  }
  return { config: parsed.data, origins: draft.origins, warnings: draft.warnings, file };
}

function applyEnvironment(
  fields: readonly Field[],
  env: Readonly<Record<string, string | undefined>>,
  prefix: string,
  draft: Draft,
): void {
  const sections = new Set<string>(fields.map((field) => field.section));
  for (const { env: name, read, expected } of aliases) {
    const text = env[name];
    if (!text) continue;
    const values = read(text);
    if (values === undefined) draft.complaints.push(`${prefix}${name}: expected ${expected}`);
    for (const [path, value] of Object.entries(values ?? {})) {
      if (sections.has(path.split('.')[0]!)) assign(draft, path.split('.'), value, prefix + name);
    }
  }
  for (const field of fields) {
    const text = env[field.env];
    if (text) assign(draft, field.path, text, prefix + field.env);
  }
  draft.warnings.push(...unknownNames(env, prefix));
  for (const [name, reason] of Object.entries(withoutEffect)) {
    if (env[name] && sections.has('server')) draft.warnings.push(`${prefix}${name}: ${reason}`);
  }
}

/** What a preset says is given by nobody else. An unknown name is the schema's to complain about. */
function fillFromPreset(draft: Draft): void {
  const given = draft.values['loadtest'];
  const name = isObject(given) ? given['preset'] : undefined;
  const known = loadPresetNames.find((preset) => preset === name);
  if (!isObject(given) || known === undefined) return;
  for (const [key, value] of Object.entries(loadPresets[known].settings)) {
    if (given[key] === undefined) assign(draft, ['loadtest', key], value, `preset ${known}`);
  }
}

/** The complaint about a flag whose value has nothing in it. */
export function emptyFlag(flag: string | undefined, value: string): string {
  return `--${flag}: expected ${value}, got nothing`;
}

/** Whether a list, or a text of several, has nothing in it. */
function isEmpty(given: unknown, { value }: Field): boolean {
  if (Array.isArray(given)) return given.includes('');
  return value.endsWith(',…>') && /^[\s,]*$/.test(String(given));
}

/** Where the values of these sections came from. */
function originsIn(sections: readonly Section[], { origins }: Draft): Map<string, string> {
  return new Map([...origins].filter(([path]) => isOf(sections, path.split('.')[0])));
}

function isOf(sections: readonly Section[], name: unknown): boolean {
  return sections.some((section) => section === name);
}

/**
 * Checks all values. A section that is not used may contradict itself: nothing that goes by others
 * is to stop for it, so that it is left out.
 */
function parseUsed(values: Draft['values'], sections: readonly Section[]) {
  const parsed = configSchema.safeParse(values);
  const issues = parsed.error?.issues ?? [];
  const others = issues.filter((issue) => isContradiction(issue) && !isOf(sections, issue.path[0]));
  if (others.length === 0) return parsed;
  if (others.length < issues.length) {
    const rest = issues.filter((issue) => !others.includes(issue));
    return { success: false, error: { issues: rest } } as const;
  }
  const contrary = new Set(others.map(({ path }) => path[0]));
  const kept = Object.entries(values).filter(([section]) => !contrary.has(section));
  return configSchema.safeParse(Object.fromEntries(kept));
}

function settleContradictions(draft: Draft, file: string, sections: readonly Section[]): void {
  const { complaints, overruled } = contradictionsIn(originsIn(sections, draft), file);
  draft.complaints.push(...complaints);
  for (const path of overruled) {
    const [section = '', key = ''] = path.split('.');
    const values = draft.values[section];
    if (isObject(values)) delete values[key];
    draft.origins.delete(path);
  }
}

/** Of all sections: the file is checked as a whole, whatever the command. */
function secretPaths(): ReadonlySet<string> {
  const fields = describeConfig(Object.keys(configSchema.shape) as Section[]);
  return new Set(fields.filter((field) => field.secret).map(({ path }) => path.join('.')));
}

/** Names that look like odin's and mean nothing: most likely misspelt. */
function unknownNames(env: Readonly<Record<string, string | undefined>>, prefix: string): string[] {
  const fields = describeConfig(Object.keys(configSchema.shape) as Section[]);
  const known = fields.map((field) => field.env);
  return Object.keys(env)
    .filter((name) => name.startsWith('ODIN_') && !known.includes(name))
    .map((name) => {
      const nearest = known.toSorted((a, b) => leven(a, name) - leven(b, name))[0] as string;
      const isNear = leven(nearest, name) <= 4;
      return `${prefix}${name}: no such setting${isNear ? `, did you mean ${nearest}?` : ''}`;
    });
}

function assign(draft: Draft, path: readonly string[], value: unknown, origin: string): void {
  let node = draft.values;
  for (const key of path.slice(0, -1)) {
    if (!isObject(node[key])) node[key] = {};
    node = node[key] as Record<string, unknown>;
  }
  node[path.at(-1)!] = value;
  draft.origins.set(path.join('.'), origin);
}

function complaintsOf(
  issue: z.core.$ZodIssue,
  draft: Draft,
  file: string,
  secrets: ReadonlySet<string>,
): string[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const known = keysAt(issue.path);
      const nearest = known.toSorted((a, b) => leven(a, key) - leven(b, key))[0];
      const isNear = nearest !== undefined && leven(nearest, key) <= Math.max(2, key.length / 3);
      const full = path === '' ? key : `${path}.${key}`;
      return `${file}: unknown key ${full}${isNear ? `, did you mean ${nearest}?` : ''}`;
    });
  }
  const origin = draft.origins.get(path) ?? file;
  const place = origin === file ? `${file}: ${path}` : origin;
  const value = issue.path.reduce<unknown>((node, key) => (node as never)?.[key], draft.values);
  // A message of several lines shows the value itself, with the place of the fault in it.
  const isShown = secrets.has(path) || value === undefined || issue.message.includes('\n');
  const given = isShown ? '' : `, got ${cut(shown(value))}`;
  return [`${place}: ${issue.message}${given}`];
}

function cut(text: string): string {
  return text.length <= maxShownChars ? text : `${text.slice(0, maxShownChars)}…`;
}

/** A value as it was given, in JSON, without what looks like a login in a URL. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value).replace(/(\/\/|,|")[^/@",\s]*@/g, '$1…@');
}
