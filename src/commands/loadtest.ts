/** `odin loadtest`: opens many clients and says what reached them, how late, and what did not. */
import { exitCodes, RemoteError } from '../base/errors.ts';
import { createLog } from '../host/log.ts';
import { writeJson, writeLine } from '../host/output.ts';
import { createProgressLine } from '../host/progress-line.ts';
import type { LoadTestReport } from '../loadtest/report.ts';
import { defineCommand } from './define-command.ts';

const exitCodeOf = {
  pass: exitCodes.ok,
  fail: exitCodes.thresholds,
  interrupted: exitCodes.interrupted,
} as const;

/** Whether nobody listens at all: that is no finding about the server. */
function isUnreachable({ connections, errors, verdict }: LoadTestReport): boolean {
  const isConnect = ({ class: name }: { class: string }) => name.startsWith('connect');
  return (
    verdict === 'fail' && connections.opened === 0 && errors.length > 0 && errors.every(isConnect)
  );
}

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
    const log = createLog(host.stderr, level, config.log.format, host.hasColor);
    using progress = createProgressLine(host.stderr);
    const report = await runLoadTest(config.loadtest, {
      signal: host.signal,
      onProgress: (state) => progress.show(formatProgress(state)),
      log,
    });
    progress[Symbol.dispose]();
    if (isJson) await writeJson(host.stdout, report);
    else await writeLine(host.stdout, formatReport(report));
    if (isUnreachable(report)) {
      throw new RemoteError(`cannot reach ${report.url}: ${report.errors[0]?.class}`, {
        hint: 'is `odin serve` running there? check the address with --url',
      });
    }
    return exitCodeOf[report.verdict];
  },
});
