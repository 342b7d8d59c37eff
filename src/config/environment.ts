/** Environment names of the system odin replaces: what they mean here, or what replaced them. */

/** An environment name that is not one field's own: it sets one or several. */
interface Alias {
  readonly env: string;
  /** Values by path (`server.port`); undefined when the text makes no sense. */
  readonly read: (text: string) => Readonly<Record<string, string>> | undefined;
  readonly expected: string;
}

/** Applied below the fields' own names: an explicit `ODIN_BROKER` wins over `KAFKA_BROKERS`. */
export const aliases: readonly Alias[] = [
  { env: 'WS_ADDR', read: readAddress, expected: 'an address such as :3004 or 0.0.0.0:3004' },
  {
    env: 'WS_THROTTLE_ENABLED',
    read: (text) =>
      ({ true: {}, false: { 'server.throttle.strategy': 'none' } })[text.toLowerCase()],
    expected: 'true or false',
  },
  {
    env: 'KAFKA_BROKERS',
    read: (text) => ({ 'broker.url': `kafka://${text.replaceAll(' ', '')}` }),
    expected: 'host:port[,host:port…]',
  },
];

const noPool = 'odin has no worker pool: one process writes to all sockets without queues';
const later = 'has no effect in this version of odin';

/** Names that are accepted and do nothing, each with the sentence to warn with. */
export const withoutEffect: Readonly<Record<string, string>> = {
  WS_WORKER_POOL_SIZE: noPool,
  WS_WORKER_QUEUE_SIZE: noPool,
  WS_MAX_GOROUTINES: 'odin has no goroutines; WS_MAX_CONNECTIONS bounds the clients',
  WS_MAX_NATS_RATE: later,
  JS_STREAM_NAME: later,
  JS_CONSUMER_NAME: later,
  NATS_CREDS_FILE: later,
  NATS_URL: `${later}: it reads Kafka or its embedded broker`,
};

function readAddress(text: string): Record<string, string> | undefined {
  const match = /^(?:\[?([^\]]*?)\]?)?:(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [, host = '', port = ''] = match;
  return { 'server.port': port, ...(host === '' ? {} : { 'server.host': host }) };
}
