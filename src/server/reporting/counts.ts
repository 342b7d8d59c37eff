/** Sums of counters over processes, by the kind of each field, so that none can be forgotten. */
import { BucketCounts, type CountedBuckets } from './bucket-counts.ts';
import { Counters } from './counters.ts';

/** Counters as they arrive from another process: without the methods. */
export type CountsCopy = {
  readonly [Name in keyof Counters]: Counters[Name] extends BucketCounts
    ? CountedBuckets
    : Counters[Name] extends Map<infer Label, number>
      ? ReadonlyMap<Label, number>
      : Counters[Name];
};

type Fields = Record<keyof Counters, unknown>;

const names = Object.keys(new Counters()) as (keyof Counters)[];

/** Of these the greatest counts, not the sum. */
const greatest: ReadonlySet<keyof Counters> = new Set(['newestRecordMs']);

/** Sets all counts to nothing. */
export function clearCounts(counters: Counters): void {
  const fields = counters as unknown as Fields;
  for (const name of names) {
    const field = fields[name];
    if (field instanceof Map || field instanceof BucketCounts) field.clear();
    else fields[name] = 0;
  }
}

/** Adds counts to others. Throws a TypeError for a field of a kind that it does not know. */
export function addCounts(sums: Counters, counts: CountsCopy): void {
  const fields = sums as unknown as Fields;
  for (const name of names) {
    const [field, more] = [fields[name], counts[name] as unknown];
    if (field instanceof BucketCounts) field.add(more as CountedBuckets);
    else if (field instanceof Map) addLabelled(field, more as ReadonlyMap<unknown, number>);
    else if (typeof field !== 'number') throw new TypeError(`no sum of ${name} is known`);
    else if (greatest.has(name)) fields[name] = Math.max(field, more as number);
    else fields[name] = field + (more as number);
  }
}

function addLabelled(sums: Map<unknown, number>, counts: ReadonlyMap<unknown, number>): void {
  for (const [label, count] of counts) sums.set(label, (sums.get(label) ?? 0) + count);
}
