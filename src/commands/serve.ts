/** `odin serve`: runs the fan-out server until it is told to stop; SIGHUP reloads its limits. */
import { UsageError } from '../base/errors.ts';
import type { Config } from '../config/schema.ts';
import { descriptorLimits, reservedDescriptors } from '../host/descriptors.ts';
import { createLog, type Log } from '../host/log.ts';
import { unlessInterrupted, untilAborted } from '../host/signals.ts';
import { defineCommand } from './define-command.ts';
import { nodeIdOf } from './node-id.ts';
import { Reloading } from './reloading.ts';

/** See the file's first line. */
export const serve = defineCommand({
  sections: ['server', 'broker', 'log'],
  examples: [
    'odin serve',
    'odin serve --broker kafka://127.0.0.1:9092 --port 3004',
    'KAFKA_BROKERS=10.0.0.5:9092 WS_MAX_CONNECTIONS=18000 odin serve --log-format json',
  ],
  async run({ config, resolved, host, reconfigure }) {
    refuseIdleFlags(config.server.mode, resolved.origins);
    const { openBroker } = await import('../broker/open.ts');
    const { startServer } = await import('../server/index.ts');
    const log = createLog(host.stderr, config.log.level, config.log.format, host.hasColor);
    warnOfDescriptors(config.server, await host.readText('/proc/self/limits'), log);
    await using reloading = new Reloading(host, reconfigure, log);
    const nodeId = nodeIdOf(config.server);
    const settings = { log: log.child({ part: 'broker' }), nodeId };
    const opening = openBroker(config.broker, settings);
    const doing = `connecting to ${config.broker.url}`;
    await using broker = await unlessInterrupted(opening, host.signal, doing);
    const starting = startServer(config.server, { broker, nodeId, log });
    await using server = await unlessInterrupted(starting, host.signal, 'starting');
    reloading.follow(server, config);
    await Promise.race([server.ready, server.drained, untilAborted(host.signal)]);
    await Promise.race([server.drained, untilAborted(host.signal)]);
    return undefined;
  },
});

/** A server that runs out of them refuses clients without a word, and long before its limit. */
function warnOfDescriptors(
  { mode, shards, maxConnections }: Config['server'],
  limits: string | undefined,
  log: Log,
): void {
  const { soft } = descriptorLimits(limits);
  const processes = mode === 'multi' ? shards.count : 1;
  const needed = Math.ceil(maxConnections / processes) + reservedDescriptors;
  if (soft === undefined || needed <= soft) return;
  const text =
    'this process may not open as many sockets as maxConnections asks for: ' +
    'raise its limit (ulimit -n, LimitNOFILE=), or lower --max-connections';
  log.warn({ descriptors: soft, needed, maxConnections }, text);
}

/** What stands in a file or in the environment may be meant for another run. */
function refuseIdleFlags(mode: string, origins: ReadonlyMap<string, string>): void {
  if (mode === 'multi') return;
  const idle = [...origins]
    .filter(([path, origin]) => path.startsWith('server.shards.') && origin.startsWith('--'))
    .map(([, flag]) => flag);
  if (idle.length === 0) return;
  throw new UsageError(`${idle.join(', ')}: mode single has no shards`, {
    hint: 'add --mode multi',
  });
}
