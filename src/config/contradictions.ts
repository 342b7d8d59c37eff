/** Settings that say the same thing in two ways: the nearer source wins, equal ones are complained about. */
import type * as z from 'zod';

/** Where a value can come from, the nearest last. */
const sources = ['preset', 'file', '.env', 'environment', 'flag'] as const;

type Source = (typeof sources)[number];

/** A setting that was given. */
interface Given {
  readonly source: Source;
  /** As it is called there: `--stage`, `WS_URL`, `odin.yaml: loadtest.url`. */
  readonly name: string;
}

interface Alternative {
  readonly setting: string;
  /** Which make no sense beside it. */
  readonly excludes: readonly string[];
  readonly why: string;
}

const alternatives: readonly Alternative[] = [
  {
    setting: 'loadtest.stages',
    excludes: ['connections', 'rampRate', 'rampDurationMs', 'durationMs', 'rampDownMs'].map(
      (name) => `loadtest.${name}`,
    ),
    why: 'the stages say how many clients there are, and when',
  },
  {
    setting: 'loadtest.findMax',
    excludes: ['slowPercent', 'halfOpenPercent', 'storm'].map((name) => `loadtest.${name}`),
    why: 'a limit is that of clients which behave',
  },
  {
    setting: 'loadtest.mix',
    excludes: ['channels', 'subscriptionMode', 'channelsPerClient'].map(
      (name) => `loadtest.${name}`,
    ),
    why: 'the profiles of a mix say what to subscribe to',
  },
  {
    setting: 'loadtest.rampDurationMs',
    excludes: ['loadtest.rampRate'],
    why: 'either says how fast clients come',
  },
];

/** What a section says of an issue with settings which make no sense together, each by itself being fine. */
export const contradiction = { isContradiction: true } as const;

/** Whether an issue was marked with {@link contradiction}. */
export function isContradiction(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'custom' && issue.params?.['isContradiction'] === true;
}

/** What is to be done about settings that contradict each other. */
export interface Resolution {
  readonly complaints: readonly string[];
  /** Paths of settings to be left out, as a nearer source says otherwise. */
  readonly overruled: readonly string[];
}

/** Looks for contradictions among the settings that were given: origins by path. */
export function contradictionsIn(origins: ReadonlyMap<string, string>, file: string): Resolution {
  const complaints: string[] = [];
  const overruled: string[] = [];
  for (const { setting, excludes, why } of alternatives) {
    const one = givenIn(origins, setting, file);
    if (one === undefined) continue;
    const others = excludes.flatMap((path) => {
      const other = givenIn(origins, path, file);
      return other === undefined ? [] : [{ path, ...other }];
    });
    const equal = others.filter(({ source }) => source === one.source);
    if (equal.length > 0) {
      const names = equal.map(({ name }) => name);
      complaints.push(`${one.name} contradicts ${names.join(', ')}: ${why}`);
    }
    overruled.push(...others.filter((other) => isNearer(one, other)).map(({ path }) => path));
    if (others.some((other) => isNearer(other, one))) overruled.push(setting);
  }
  return { complaints, overruled };
}

/** Names of the settings of a section that make no sense beside those of its settings that `isSet`. */
export function excludedBy(section: string, isSet: (name: string) => boolean): string[] {
  const prefix = `${section}.`;
  return alternatives
    .filter(({ setting }) => setting.startsWith(prefix) && isSet(setting.slice(prefix.length)))
    .flatMap(({ excludes }) => excludes.map((path) => path.slice(prefix.length)));
}

/** How a setting was given, from the origins by path; undefined when it was not. */
export function givenIn(
  origins: ReadonlyMap<string, string>,
  path: string,
  file: string,
): Given | undefined {
  const origin = origins.get(path);
  if (origin === undefined) return undefined;
  const source = sourceOf(origin, file);
  return { source, name: source === 'file' ? `${origin}: ${path}` : origin };
}

/** Whether one comes from a source that wins over that of the other. */
export function isNearer(one: Given, other: Given): boolean {
  return sources.indexOf(one.source) > sources.indexOf(other.source);
}

function sourceOf(origin: string, file: string): Source {
  if (origin.startsWith('preset ')) return 'preset';
  if (origin === file) return 'file';
  if (origin.startsWith('.env: ')) return '.env';
  return origin.startsWith('--') ? 'flag' : 'environment';
}
