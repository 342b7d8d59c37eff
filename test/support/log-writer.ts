/** A process that logs as many lines as each line of its input says, and answers how many are lost. */
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { processHost } from '../../src/host/host.ts';
import { createLog, type LogFormat } from '../../src/host/log.ts';
import { logLinesLost } from '../../src/host/log-output.ts';

using host = processHost();
const log = createLog(host.stderr, 'info', host.argv[0] as LogFormat);
const filler = 'x'.repeat(1_000);
for await (const line of createInterface({ input: host.stdin })) {
  for (let n = Number(line); n > 0; n--) log.info({ filler }, 'a line');
  await turn();
  host.stdout.write(`${logLinesLost()}\n`);
}
