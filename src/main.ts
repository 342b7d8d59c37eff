/** The process: builds the real host, runs the command line, sets the exit code. */
import { run } from './cli.ts';
import { processHost } from './host/host.ts';

using host = processHost();
process.exitCode = await run(host);
// kafkajs goes on trying to reach a broker that is away, long after its clients were closed.
setTimeout(() => process.exit(), 2_000).unref();
