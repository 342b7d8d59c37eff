/** `odin loadtest report run.json`: the report of an earlier run again, in any format. */
import { PreflightError } from '../base/errors.ts';
import { write } from '../host/output.ts';
import { defineCommand } from './define-command.ts';
import { textOf } from './loadtest-delivery.ts';

/** See the file's first line. */
export const report = defineCommand({
  sections: [],
  operands: ['run.json'],
  callFlags: [
    {
      name: 'out',
      value: '<file,…>',
      description: 'files to write instead of printing: .json, .html, .xml (JUnit), .csv, .md',
    },
  ],
  json: 'print the report as JSON',
  examples: ['odin loadtest report run.json', 'odin loadtest report run.json --out run.html'],
  async run({ operands: [path = ''], flags, host, isJson }) {
    const { readReport } = await import('../loadtest/reports/report-file.ts');
    const { checkOutputs, writeOutputs } = await import('../loadtest/reports/outputs.ts');
    const paths = (flags.get('out') ?? []).flatMap((names) => names.split(',').filter(Boolean));
    await checkOutputs(paths);
    const found = await readReport(path, host.readText);
    const faults = await writeOutputs(paths, found, host.signal);
    if (isJson) {
      const { jsonReport } = await import('../loadtest/reports/json-report.ts');
      await write(host.stdout, jsonReport(found));
    } else if (paths.length === 0) {
      await write(host.stdout, await textOf(found, host));
    }
    if (faults.length > 0) {
      throw new PreflightError(faults.map(({ message }) => message).join('\n'), {
        hint: [...new Set(faults.flatMap(({ hint }) => hint ?? []))].join('\n') || undefined,
      });
    }
    return undefined;
  },
});
