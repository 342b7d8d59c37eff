/** What is wrong with a report, field by field, in words for who wrote or changed it. */
import { formatCount } from '../../base/units.ts';

/** What the schema found, as far as it is told here. */
interface Issue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly expected?: string;
  readonly values?: readonly unknown[];
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
}

const maxShownChars = 40;

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** One line: `stages[0].from is "many": expected a whole number`. `report` is what the issue is of. */
export function faultText(issue: Issue, report: unknown): string {
  const found = issue.path.reduce<unknown>((node, key) => (node as never)?.[key], report);
  const place = issue.path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
  if (issue.code === 'custom') return `${place}: ${issue.message}`;
  const expected = expectedBy(issue, found);
  if (found === undefined) return `${place} is missing: expected ${expected}`;
  return `${place} ${shown(found, issue.code === 'too_big')}: expected ${expected}`;
}

/** Settings of a run that are no such settings, by what they are by default. */
export function settingFaults(config: object, defaults: object): string[] {
  const given = new Map<string, unknown>(Object.entries(config));
  return Object.entries(defaults).flatMap(([name, usual]) => {
    const found = given.get(name);
    const expected = kindOf(usual);
    if (found === undefined || kindOf(found) === expected) return [];
    return [`config.${name} ${shown(found, false)}: expected ${kinds[expected]}`];
  });
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
}

function expectedBy(
  { code, message, values, minimum, maximum, expected = '' }: Issue,
  found: unknown,
) {
  switch (code) {
    case 'invalid_type':
      return kinds[expected] ?? expected;
    case 'invalid_value': {
      const last = values?.at(-1);
      const others = values?.slice(0, -1) ?? [];
      return others.length === 0 ? String(last) : `${others.join(', ')} or ${last}`;
    }
    case 'too_small':
      return `${minimum} or more`;
    case 'too_big':
      return Array.isArray(found)
        ? `${formatCount(Number(maximum))} at most`
        : `${maximum} at most`;
    default:
      return message;
  }
}

function shown(found: unknown, isTooLong: boolean): string {
  if (Array.isArray(found)) {
    return isTooLong ? `has ${formatCount(found.length)} entries` : 'is a list';
  }
  if (typeof found === 'object' && found !== null) return 'is an object';
  const text = JSON.stringify(found);
  return `is ${text.length > maxShownChars ? `${text.slice(0, maxShownChars)}…` : text}`;
}
