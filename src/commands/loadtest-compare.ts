/** `odin loadtest compare a.json b.json`: what changed from one run to another, beyond noise. */
import { exitCodes, UsageError } from '../base/errors.ts';
import { write, writeJson, writeLine } from '../host/output.ts';
import { defineCommand } from './define-command.ts';

const exitCodeOf = {
  pass: exitCodes.ok,
  fail: exitCodes.thresholds,
  inconclusive: exitCodes.inconclusive,
} as const;

/** See the file's first line. */
export const compare = defineCommand({
  sections: [],
  operands: ['before.json[,…]', 'after.json[,…]'],
  callFlags: [
    {
      name: 'fail-on',
      value: '<change>',
      description: 'fail on a change beyond this, such as "latency.p99 +10%" or "rate -5%"',
    },
    { name: 'markdown', description: 'print a table for a pull request' },
    {
      name: 'allow-noise',
      description: 'pass what --fail-on cannot tell from noise, which otherwise is inconclusive',
    },
    { name: 'force', description: 'compare runs of different setups all the same' },
  ],
  json: 'print the comparison as JSON',
  examples: [
    'odin loadtest compare before.json after.json',
    "odin loadtest compare before.json after.json --fail-on 'latency.p99 +10%' --fail-on 'lost +0'",
    'odin loadtest compare before-1.json,before-2.json after.json --markdown',
  ],
  async run({ operands, flags, host, isJson }) {
    const { readReports } = await import('../loadtest/reports/report-file.ts');
    const { parseBudgets } = await import('../loadtest/comparison/budget.ts');
    const { compareRuns } = await import('../loadtest/comparison/comparison.ts');
    if (isJson && flags.has('markdown')) {
      throw new UsageError('--markdown contradicts --json: either is the form of the output');
    }
    const budgets = parseBudgets(flags.get('fail-on') ?? []);
    if (flags.has('allow-noise') && budgets.length === 0) {
      throw new UsageError('--allow-noise does nothing without --fail-on: nothing is judged');
    }
    const sides = operands.map((paths) => paths.split(',').filter(Boolean));
    const reports = await readReports([...new Set(sides.flat())], host.readText);
    const [before = [], after = []] = sides.map((paths) =>
      paths.flatMap((path) => reports.get(path) ?? []),
    );
    const comparison = compareRuns(before, after, {
      budgets,
      isForced: flags.has('force'),
      allowsNoise: flags.has('allow-noise'),
    });
    for (const warning of comparison.warnings) host.stderr.write(`warning: ${warning}\n`);
    if (isJson) await writeJson(host.stdout, comparison);
    else if (flags.has('markdown')) {
      const { comparisonMarkdown } = await import('../loadtest/comparison/comparison-text.ts');
      await write(host.stdout, comparisonMarkdown(comparison));
    } else {
      const { comparisonText } = await import('../loadtest/comparison/comparison-text.ts');
      const { stdout } = host;
      const columns = stdout.isTTY === true ? stdout.columns : undefined;
      await writeLine(stdout, comparisonText(comparison, columns));
    }
    return exitCodeOf[comparison.verdict];
  },
});
