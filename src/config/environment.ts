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
    env: 'WS_MAX_NATS_RATE',
    read: (text) => ({ 'server.guard.maxBrokerRate': text }),
    expected: 'a number of events per second',
  },
  // Where both brokers are named, the newer of the two eras counts.
  {
    env: 'NATS_URL',
    read: readNatsUrl,
    expected: 'nats://host:port[,nats://host:port…]',
  },
  {
    env: 'KAFKA_BROKERS',
    read: (text) => ({ 'broker.url': `kafka://${text.replaceAll(' ', '')}` }),
    expected: 'host:port[,host:port…]',
  },
];

const noPool = 'odin has no worker pool: one process writes to all sockets without queues';

/** Names that are accepted and do nothing, each with the sentence to warn with. */
export const withoutEffect: Readonly<Record<string, string>> = {
  WS_WORKER_POOL_SIZE: noPool,
  WS_WORKER_QUEUE_SIZE: noPool,
  WS_MAX_GOROUTINES: 'odin has no goroutines; WS_MAX_CONNECTIONS bounds the clients',
  ENVIRONMENT:
    'odin is the same in every environment: what shall differ has a setting of its own, and ODIN_NODE_ID names the node in logs and reports',
};

/** Other tools put a login into the URL; here it goes where it is not shown. */
function readNatsUrl(text: string): Record<string, string> | undefined {
  const values: Record<string, string> = {};
  const servers: string[] = [];
  for (const server of text.replaceAll(' ', '').split(',')) {
    const match = /^(?:(nats|tls):\/\/)?(?:([^@/]*)@)?([^@/]+)\/?$/.exec(server);
    if (match === null) return undefined;
    const [, scheme = 'nats', login, address] = match;
    if (login !== undefined) Object.assign(values, readLogin(login));
    servers.push(`${scheme}://${address}`);
  }
  return { ...values, 'broker.url': servers.join(',') };
}

/** `user:password`, or a token alone. */
function readLogin(login: string): Record<string, string> {
  const colon = login.indexOf(':');
  if (colon < 0) return { 'broker.nats.token': decode(login) };
  return {
    'broker.nats.user': decode(login.slice(0, colon)),
    'broker.nats.password': decode(login.slice(colon + 1)),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readAddress(text: string): Record<string, string> | undefined {
  const match = /^(?:\[?([^\]]*?)\]?)?:(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [, host = '', port = ''] = match;
  return { 'server.port': port, ...(host === '' ? {} : { 'server.host': host }) };
}
