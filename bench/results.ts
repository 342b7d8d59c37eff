/** Rows of figures, and bench/RESULTS.md, of which each benchmark writes a section of its own. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

const file = 'bench/RESULTS.md';

/** Ours and theirs, measured in turn. */
export type Cell = readonly [ours: number, theirs: number];

/** One line of a table. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly theirs: string;
  readonly ratio: string;
  readonly goal: string;
}

/** A table, under a heading. */
export interface Section {
  readonly title: string;
  readonly about: readonly string[];
  /** Headings of the columns between what it is and the goal. */
  readonly columns: readonly [ours: string, theirs: string, ratio: string];
  readonly rows: readonly Row[];
  /** Whether nothing was left out: only then it goes into the file. */
  readonly isWhole: boolean;
}

/** A table with columns of its own. */
export interface Table extends Pick<Section, 'title' | 'about' | 'isWhole'> {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The middle of some values; of an even number of them, the upper one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Medians of pairs and of their ratio, with its range; the goal is the greatest ratio. */
export function ratioRow(what: string, pairs: readonly Cell[], goal: number, unit = 'µs'): Row {
  const ratios = pairs.map(([ours, theirs]) => ours / theirs);
  const spread =
    ratios.length > 1
      ? ` (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`
      : '';
  return {
    what,
    ours: `${median(pairs.map(([ours]) => ours)).toFixed(2)} ${unit}`,
    theirs: `${median(pairs.map(([, theirs]) => theirs)).toFixed(2)} ${unit}`,
    ratio: `${median(ratios).toFixed(2)}${spread}`,
    goal: `≤ ${goal.toFixed(2)}`,
  };
}

/** Prints a section, and puts it in the place of the one with the same title. */
export function writeSection({ columns, rows, ...section }: Section): void {
  writeTable({
    ...section,
    columns: ['what', ...columns, 'goal'],
    rows: rows.map(({ what, ours, theirs, ratio, goal }) => [what, ours, theirs, ratio, goal]),
  });
}

/** The same, of a table of any columns. */
export function writeTable(section: Table): void {
  const text = render(section);
  console.log(`\n${text}`);
  if (!section.isWhole) return;
  const old = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const [head = '', ...sections] = old.split(/^(?=## )/m);
  const place = sections.findIndex((other) => other.startsWith(`## ${section.title}\n`));
  if (place === -1) sections.push(text);
  else sections[place] = text;
  const parts = [head, ...sections].map((part) => part.trim());
  writeFileSync(file, `${parts.filter((part) => part !== '').join('\n\n')}\n`);
}

function render({ title, about, columns, rows }: Table): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  const kernel = readFileSync('/proc/version', 'utf8').split(' ')[2];
  return [
    `## ${title}`,
    '',
    ...about,
    '',
    `Machine: ${cpus().length} × ${model}, ${memory}, Linux ${kernel}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}.`,
    // On a machine that others use too, what competes for its cores is dearer.
    `Load average over the last 5 minutes: ${loadavg()[1]?.toFixed(1)}.`,
    '',
    `| ${columns.join(' | ')} |`,
    `|${'---|'.repeat(columns.length)}`,
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ].join('\n');
}
