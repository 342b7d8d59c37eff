/** `odin loadtest`: opens many clients and says what reached them, how late, and what did not. */
import { exitCodes } from '../base/errors.ts';
import { createLog } from '../host/log.ts';
import { type Configure, defineCommand } from './define-command.ts';
import { agent } from './loadtest-agent.ts';
import { compare } from './loadtest-compare.ts';
import { deliverReport } from './loadtest-delivery.ts';
import { openDisplay } from './loadtest-display.ts';
import { report } from './loadtest-report.ts';

const exitCodeOf = {
  pass: exitCodes.ok,
  fail: exitCodes.thresholds,
  inconclusive: exitCodes.inconclusive,
  interrupted: exitCodes.interrupted,
} as const;

const runTest = defineCommand({
  sections: ['loadtest', 'log'],
  json: 'print the report as JSON',
  callFlags: [
    { name: 'force', description: 'run although this machine seems to lack something' },
    {
      name: 'plain',
      description: 'print a line per interval, also where a terminal could show more',
    },
  ],
  examples: [
    'odin loadtest --connections 2000 --duration 20',
    'odin loadtest --url ws://10.0.0.5:3004/ws --connections 10000 --ramp-rate 200 --json > run.json',
    'odin loadtest --url wss://odin.example.com/ws --source-ip 10.0.0.5,10.0.0.6',
    "odin loadtest --channels '*.trade' --subscription-mode all",
    'odin loadtest --out run.json --out run.html',
    'odin loadtest --agents load1,load2 --url ws://10.0.0.5:3004/ws --connections 40000',
    "odin loadtest --find-max connections --slo 'latency.p99 < 50ms & lost == 0'",
    "odin loadtest --threshold 'latency.p99 < 50ms' 'connect.success >= 99.9%'",
  ],
  async run({ config, flags, host, isJson }) {
    const { runLoadTest } = await import('../loadtest/index.ts');
    const { checkOutputs } = await import('../loadtest/reports/outputs.ts');
    const { deadEndOf } = await import('../loadtest/results/dead-end.ts');
    const { foldedLines } = await import('../loadtest/reports/folded-lines.ts');
    const { trialLine } = await import('../loadtest/reports/search-tables.ts');
    await checkOutputs(config.loadtest.out);
    // The progress line says how the run goes; the log is for what goes wrong.
    await using display = await openDisplay(host, config.loadtest, flags.has('plain'));
    const level = config.log.level === 'info' ? 'warn' : config.log.level;
    const log = createLog(display.stderr, level, config.log.format, host.hasColor);
    const report = await runLoadTest(config.loadtest, {
      signal: host.signal,
      onProgress: display.onProgress,
      onMetrics: display.onMetrics,
      ...(display.onServer && { onServer: display.onServer }),
      onTrial: (trial) => {
        const text = trialLine(config.loadtest.findMax ?? 'connections', trial);
        const { isTTY, columns } = host.stderr;
        const lines = isTTY && columns ? foldedLines('- ', text, columns) : [text];
        display.stderr.write(`${lines.join('\n')}\n`);
      },
      log,
      ...(flags.has('force') && {
        onLack: ({ what }) => void display.stderr.write(`warning: ${what}\n`),
      }),
    });
    await display[Symbol.asyncDispose]();
    await deliverReport(report, { paths: config.loadtest.out, host, isJson });
    const deadEnd = await deadEndOf(report);
    if (deadEnd !== undefined) throw deadEnd;
    return exitCodeOf[report.verdict];
  },
});

/** See the file's first line. */
export const loadtest: Configure = (command, host, onExit) => {
  runTest(command, host, onExit);
  const describe = (name: string, text: string) => command.command(name).description(text);
  report(
    describe('report', 'Print the report of an earlier run, or write it in other formats.'),
    host,
    onExit,
  );
  compare(
    describe('compare', 'Compare two runs: what changed, and what is only noise.'),
    host,
    onExit,
  );
  agent(
    describe('agent', 'Open clients here for an `odin loadtest --agents` that runs elsewhere.'),
    host,
    onExit,
  );
  return command;
};
