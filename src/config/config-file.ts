/** What stands in `odin.yaml`: sections of settings, none of which is taken on faith. */
import { messageOf, UsageError } from '../base/errors.ts';
import { cannotRead, noSuchFile } from '../base/file-fault.ts';
import { isObject } from '../base/values.ts';
import type { Host } from '../host/host.ts';
import { describeConfig } from './describe.ts';
import { configSchema, type Section } from './schema.ts';

/** What was found, and what is wrong with it. */
interface ConfigFile {
  /** Settings by section. What is no section although it should be is left out. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly complaints: readonly string[];
}

/** Told of a value where settings are expected, which have these keys. */
type OnMisplaced = (path: readonly string[], keys: readonly string[], value: unknown) => void;

/**
 * Reads a configuration file. One that is not there is empty, unless it was asked for: then that
 * throws a UsageError, as any other failure to read does. So does one that is empty and must not be:
 * who reads it while it is written would go by the defaults.
 */
export async function readConfigFile(
  path: string,
  { file, mustHold = false }: { readonly file?: string | undefined; readonly mustHold?: boolean },
  host: Host,
): Promise<ConfigFile> {
  const isAsked = file !== undefined;
  const text = await host.readText(path, isAsked ? '--config' : undefined);
  if (mustHold) refuseEmptied(path, text);
  if (text === undefined) {
    if (isAsked) throw cannotRead(path, noSuchFile, '--config');
    return { values: {}, complaints: [] };
  }
  const { found, reasons } = await parseYaml(text);
  const complaints = reasons.map((reason) => `${path}: ${reason}`);
  const settings = settingsIn(found ?? {}, [], (at, keys, value) => {
    const place = at.length === 0 ? path : `${path}: ${at.join('.')}`;
    const what = at.length === 0 ? 'sections' : 'settings below it,';
    const names = keys.slice(0, 2).map((key) => `${key}:`);
    complaints.push(
      `${place}: expected ${what} such as ${names.join(' and ')}, got ${kindOf(value)}`,
    );
  });
  return { values: isObject(settings) ? settings : {}, complaints };
}

/** Throws a UsageError when a file that settings were taken from before is empty or gone. */
export function refuseEmptied(path: string, text: string | undefined): void {
  if ((text ?? '').trim() !== '') return;
  const state = text === undefined ? 'gone' : 'empty';
  throw new UsageError(`${path} is ${state}, and held settings before: is it being written?`, {
    hint: 'write it under another name and move it into place; for the defaults, restart',
  });
}

/** What a text holds, and why it holds nothing. */
async function parseYaml(
  text: string,
): Promise<{ readonly found?: unknown; readonly reasons: readonly string[] }> {
  const { parseDocument } = await import('yaml');
  // What the library would warn of is no setting, and refused as such.
  const document = parseDocument(text, { logLevel: 'error' });
  if (document.errors.length > 0) {
    // What follows the first is mostly due to it.
    return { reasons: document.errors.slice(0, 1).map(({ message }) => firstLine(message)) };
  }
  try {
    const found: unknown = document.toJS();
    // An alias may stand in what it stands for, and such a value has no end.
    JSON.stringify(found);
    return { found, reasons: [] };
  } catch (error) {
    const isEndless = error instanceof TypeError;
    return { reasons: [isEndless ? 'an alias stands in what it stands for' : messageOf(error)] };
  }
}

/** Of what the library says, without the piece of the file and what a programmer could do. */
function firstLine(message: string): string {
  const line = message.split('\n', 1)[0] as string;
  return line.replace(/:$/, '').replace(/; please use \S+/, ', where one is expected,');
}

/** The keys that the schema knows at a place of the file. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  const all = describeConfig(Object.keys(configSchema.shape) as Section[]);
  const here = all.filter((field) => path.every((key, index) => field.path[index] === key));
  return [...new Set(here.flatMap((field) => field.path[path.length] ?? []))];
}

/** All settings of a value by their paths. */
export function leafPaths(
  value: Readonly<Record<string, unknown>>,
  path: readonly string[] = [],
): string[] {
  return Object.entries(value).flatMap(([key, child]) =>
    isObject(child) ? leafPaths(child, [...path, key]) : [[...path, key].join('.')],
  );
}

/** A key without a value, as in a file whose settings are commented out, is not set. */
function settingsIn(value: unknown, path: readonly string[], onMisplaced: OnMisplaced): unknown {
  if (isObject(value)) {
    const settings = Object.entries(value).flatMap(([key, child]) => {
      const found = child === null ? undefined : settingsIn(child, [...path, key], onMisplaced);
      return found === undefined ? [] : [[key, found] as const];
    });
    return Object.fromEntries(settings);
  }
  const keys = keysAt(path);
  if (keys.length === 0) return value;
  onMisplaced(path, keys, value);
  return undefined;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? 'text' : String(value);
}
