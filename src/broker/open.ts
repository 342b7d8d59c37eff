/** Opening the broker that the configuration names. */
import type { Config } from '../config/schema.ts';
import type { Broker, BrokerSettings } from './broker.ts';

/**
 * Connects to the broker, loading its driver only now. Rejects with a RemoteError when it does not
 * answer, and with a UsageError when what the configuration says about it does not fit together.
 */
export async function openBroker(
  config: Config['broker'],
  settings: BrokerSettings,
): Promise<Broker> {
  if (config.url === 'embedded') {
    const { EmbeddedBroker } = await import('./embedded/embedded.ts');
    return new EmbeddedBroker(config);
  }
  if (/^(nats|tls):/.test(config.url)) {
    const { openNats } = await import('./nats/nats.ts');
    return await openNats(config, settings);
  }
  const { openKafka } = await import('./kafka/kafka.ts');
  return await openKafka(config, settings);
}
