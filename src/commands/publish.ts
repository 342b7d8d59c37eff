/** `odin publish`: feeds a broker, or a server with the embedded one, until done or told to stop. */
import { type ExitCode, exitCodes } from '../base/errors.ts';
import { atMost } from '../base/time-limit.ts';
import { formatCount, formatDuration } from '../base/units.ts';
import type { Broker, Producer } from '../broker/broker.ts';
import type { Config } from '../config/schema.ts';
import { createLog, type Log } from '../host/log.ts';
import { writeJson, writeLine } from '../host/output.ts';
import { unlessInterrupted, untilAborted } from '../host/signals.ts';
import type { PublisherTotals } from '../publisher/publisher-status.ts';
import { defineCommand } from './define-command.ts';
import { publishPlace, refuseIdleFlags } from './publish-flags.ts';

/** How long closing what is connected may take, in milliseconds. */
const farewellMs = 200;

/** See the file's first line. */
export const publish = defineCommand({
  sections: ['publish', 'broker', 'log'],
  quietSections: ['server'],
  // The embedded broker is in the server.
  omit: ['broker.embedded', 'broker.kafka.groupId', 'broker.kafka.topics'],
  json: 'print the totals as JSON',
  examples: [
    'odin publish --rate 200 --tokens BTC,ETH',
    'odin publish --broker kafka://127.0.0.1:9092 --rate 5000 --duration 60',
    'odin publish --file events.ndjson --speed 10',
  ],
  async run({ config, resolved, host, isJson }) {
    const place = publishPlace(config, resolved.origins);
    refuseIdleFlags(config.publish, resolved.origins);
    const { startPublisher } = await import('../publisher/index.ts');
    const log = createLog(host.stderr, config.log.level, config.log.format, host.hasColor);
    const opening = openProducer(config, place, log);
    const doing = `connecting to ${place ?? config.broker.url}`;
    await using out = await unlessInterrupted(opening, host.signal, doing);
    const { producer } = out;
    await using publisher = await startPublisher(config.publish, {
      producer,
      log,
      readInput: host.openInput,
    });
    const ended = Promise.race([publisher.finished, untilAborted(host.signal)]);
    const failure: unknown = await ended.then(
      () => undefined,
      (error: unknown) => error,
    );
    const { inFlight } = publisher.status();
    if (inFlight > 0)
      log.info({ inFlight }, 'waiting while the broker confirms; Ctrl-C again gives up');
    const totals = await publisher.stop();
    if (isJson) await writeJson(host.stdout, { schemaVersion: 1, ...totals });
    else await writeLine(host.stdout, formatTotals(totals));
    // What was published until then has to be known, whatever ended it.
    if (failure !== undefined) throw failure;
    return exitCodeOf(totals, config.publish, host.signal.aborted);
  },
});

/** To the broker, or to the server at `place`. */
async function openProducer(
  config: Pick<Config, 'broker' | 'server'>,
  place: string | undefined,
  log: Log,
) {
  await using opened = new AsyncDisposableStack();
  let producer: Producer;
  if (place === undefined) {
    const { openBroker } = await import('../broker/open.ts');
    const broker: Broker = opened.use(
      await openBroker(config.broker, { log, nodeId: 'publisher' }),
    );
    producer = opened.use(await broker.openProducer());
  } else {
    const { openHttpTarget } = await import('../publisher/http-target.ts');
    const token = config.server.adminToken;
    producer = opened.use(await openHttpTarget(place, log, { token }));
  }
  const owned = opened.move();
  return {
    producer,
    // What was published is confirmed by now, or given up: nobody waits for a broker to say goodbye.
    [Symbol.asyncDispose]: () => atMost(farewellMs, owned.disposeAsync()),
  };
}

/** Seconds for what took seconds, milliseconds for what did not. */
function formatElapsed(ms: number): string {
  return formatDuration(ms < 10_000 ? Math.round(ms) : Math.round(ms / 1_000) * 1_000);
}

function formatTotals({
  published,
  failed,
  unconfirmed,
  badLines,
  abandoned,
  behindMax,
  elapsedMs,
}: PublisherTotals): string {
  const counted = (count: number, one: string) =>
    `${formatCount(count)} ${one}${count === 1 ? '' : 's'}`;
  const parts = [`${counted(published, 'event')} published in ${formatElapsed(elapsedMs)}`];
  if (failed > unconfirmed) parts.push(`${formatCount(failed - unconfirmed)} failed`);
  if (unconfirmed > 0)
    parts.push(`${formatCount(unconfirmed)} not confirmed (the broker may have them or not)`);
  if (abandoned > 0) parts.push(`${formatCount(abandoned)} due and not sent`);
  if (badLines > 0) parts.push(`${counted(badLines, 'line')} skipped`);
  if (behindMax > 0) parts.push(`at most ${formatCount(behindMax)} behind`);
  return parts.join(', ');
}

/** Ctrl-C is the normal end of an endless run, and cuts short one that has an end of its own. */
function exitCodeOf(
  totals: PublisherTotals,
  { file, count, durationMs }: Config['publish'],
  isInterrupted: boolean,
): ExitCode {
  if (totals.failed > 0 || totals.badLines > 0) return exitCodes.partial;
  const hasEnd = file !== undefined || count !== undefined || durationMs !== undefined;
  return isInterrupted && hasEnd ? exitCodes.interrupted : exitCodes.ok;
}
