/** Where `odin publish` sends to, and flags of it that contradict each other or do nothing. */
import { UsageError } from '../base/errors.ts';
import type { Config } from '../config/schema.ts';

type Origins = ReadonlyMap<string, string>;

/** Where `odin serve` listens when nothing is said. */
const defaultTarget = 'http://127.0.0.1:3004';

/** Of events that are made up. */
const ofInventions = ['rate', 'tokens', 'seed', 'trendingIntervalMs', 'newListingIntervalMs'];

/**
 * The server to publish to; undefined for the broker. A target counts before a broker, but for one
 * that was named by a flag when the target was not. Throws a UsageError when flags name both.
 */
export function publishPlace(
  { publish: { target }, broker }: Pick<Config, 'publish' | 'broker'>,
  origins: Origins,
): string | undefined {
  if (broker.url === 'embedded') return target ?? defaultTarget;
  const isFlag = (path: string) => origins.get(path)?.startsWith('--') === true;
  if (!isFlag('broker.url')) return target;
  if (!isFlag('publish.target')) return undefined;
  throw new UsageError('--target and --broker exclude each other: events go to one place', {
    hint: 'keep --target for a server with the embedded broker, --broker for Kafka or NATS',
  });
}

/**
 * Throws a UsageError that names flags which do nothing. What stands in a file or in the environment
 * may be meant for another run.
 */
export function refuseIdleFlags({ file }: Config['publish'], origins: Origins): void {
  const idle = (names: readonly string[]) =>
    names
      .map((name) => origins.get(`publish.${name}`))
      .filter((origin) => origin?.startsWith('--') === true);
  const flags = file === undefined ? idle(['speed']) : idle(ofInventions);
  if (flags.length === 0) return;
  throw file === undefined
    ? new UsageError('--speed does nothing without --file: events that are made up have a --rate')
    : new UsageError(`${flags.join(', ')}: nothing is made up while a --file is published`, {
        hint: 'its events come as far apart as they were recorded; --speed changes that',
      });
}
