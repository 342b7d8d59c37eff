/** Settings of a load test that have no effect beside its others, whether or not anybody gave them. */
import { excludedBy } from './contradictions.ts';
import { dependents } from './idle-flags.ts';
import type { Config } from './schema.ts';

type LoadTest = Config['loadtest'];

/** Names of the settings that a run with these does not use. */
export function idleSettings(settings: LoadTest): ReadonlySet<string> {
  const isSet = (name: string) => {
    const value = settings[name as keyof LoadTest];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  };
  return new Set([
    // What fails in a part of what it is for has an effect all the same.
    ...dependents
      .filter(({ has, fails }) => fails === undefined && !has(settings))
      .flatMap(({ names }) => names),
    ...excludedBy('loadtest', isSet),
    // A search has levels and trials instead, and goes by what it finds.
    ...(settings.findMax === undefined ? [] : ['stages']),
  ]);
}
