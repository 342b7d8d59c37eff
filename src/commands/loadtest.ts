/** `odin loadtest`: opens many clients and says what reached them, how late, and what did not. */
import { exitCodes } from '../base/errors.ts';
import { createLog } from '../host/log.ts';
import { writeJson, writeLine } from '../host/output.ts';
import { createProgressLine } from '../host/progress-line.ts';
import { defineCommand } from './define-command.ts';

const exitCodeOf = {
  pass: exitCodes.ok,
  fail: exitCodes.thresholds,
  interrupted: exitCodes.interrupted,
} as const;

/** See the file's first line. */
export const loadtest = defineCommand({
  sections: ['loadtest', 'log'],
  json: 'print the report as JSON',
  examples: [
    'odin loadtest --connections 2000 --duration 20',
    'odin loadtest --url ws://10.0.0.5:3004/ws --connections 10000 --ramp-rate 200 --json > run.json',
    "odin loadtest --channels '*.trade' --subscription-mode all",
  ],
  async run({ config, host, isJson }) {
    const { runLoadTest } = await import('../loadtest/index.ts');
    const { formatReport } = await import('../loadtest/report.ts');
    const { formatProgress } = await import('../loadtest/progress.ts');
    // The progress line says how the run goes; the log is for what goes wrong.
    const level = config.log.level === 'info' ? 'warn' : config.log.level;
    const log = createLog(host.stderr, level, config.log.format);
    using progress = createProgressLine(host.stderr);
    const report = await runLoadTest(config.loadtest, {
      signal: host.signal,
      onProgress: (state) => progress.show(formatProgress(state)),
      log,
    });
    progress[Symbol.dispose]();
    if (isJson) await writeJson(host.stdout, report);
    else await writeLine(host.stdout, formatReport(report));
    return exitCodeOf[report.verdict];
  },
});
