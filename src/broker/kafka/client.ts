/** Clients of kafkajs as odin wants them: quiet, with its logs in ours and its errors in words. */
import { readFile } from 'node:fs/promises';
import type { Admin, KafkaConfig, LogEntry, RetryOptions, SASLOptions } from 'kafkajs';
import { Kafka, logLevel } from 'kafkajs';
import { messageOf, RemoteError, UsageError } from '../../base/errors.ts';
import { cannotRead } from '../../base/file-fault.ts';
import { atMost } from '../../base/time-limit.ts';
import type { Config } from '../../config/schema.ts';
import type { Log } from '../../host/log.ts';
import { silenceWarning } from '../../host/warnings.ts';
import { registerCodecs } from './codecs.ts';

/** How patient a client is. */
export interface Patience {
  /** A request without an answer fails after this time. */
  readonly requestTimeoutMs: number;
  readonly retry: RetryOptions;
}

/** Makes kafkajs clients for one configured cluster. */
export class KafkaClients {
  readonly url: string;
  readonly #config: KafkaConfig;

  private constructor(url: string, config: KafkaConfig) {
    this.url = url;
    this.#config = config;
  }

  /** Reads what the configuration points to. Rejects with a UsageError when that does not fit. */
  static async create(config: Config['broker'], log: Log): Promise<KafkaClients> {
    silenceWarning('TimeoutNegativeWarning');
    registerCodecs();
    const { kafka, url } = config;
    const sasl = saslOf(kafka);
    return new KafkaClients(url, {
      clientId: 'odin',
      brokers: url.slice('kafka://'.length).split(','),
      connectionTimeout: kafka.connectTimeoutMs,
      authenticationTimeout: kafka.connectTimeoutMs,
      logLevel: levelOf(log),
      logCreator: () => (entry) => writeEntry(log, entry),
      // Whoever says whom to trust wants no connection without TLS.
      ...(kafka.tls || kafka.tlsCaFile !== undefined ? { ssl: await tlsOf(kafka.tlsCaFile) } : {}),
      ...(sasl === undefined ? {} : { sasl }),
    });
  }

  /** A client whose own retries and timeouts are `patience`. */
  create({ requestTimeoutMs, retry }: Patience): Kafka {
    return new Kafka({ ...this.#config, requestTimeout: requestTimeoutMs, retry });
  }

  /** What went wrong at this cluster, in words for a person. */
  complaint(error: unknown, doing?: string): RemoteError {
    return remoteError(this.url, error, doing);
  }
}

/** The type of a protocol error, such as `TOPIC_AUTHORIZATION_FAILED`, wherever it is nested. */
export function protocolErrorType(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('type' in at && typeof at.type === 'string') return at.type;
  }
  return undefined;
}

/** Whether the brokers refuse who we are. */
function isAuthenticationFailure(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.name.includes('SASL') || at.name.includes('UnsupportedSasl')) return true;
    if (/authentication failed|SASL/i.test(at.message)) return true;
  }
  return false;
}

function remoteError(url: string, error: unknown, doing?: string): RemoteError {
  const cause = messageOf(error);
  if (error instanceof RemoteError) return error;
  if (isAuthenticationFailure(error)) {
    return new RemoteError(`${url} refuses the login: ${cause}`, {
      hint: 'check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
      cause: error,
    });
  }
  const type = protocolErrorType(error);
  if (type?.endsWith('AUTHORIZATION_FAILED')) {
    return new RemoteError(`${url} forbids ${doing ?? 'this'}: ${cause}`, {
      hint: 'the user needs rights for the topics and for groups named <group>-<node id>',
      cause: error,
    });
  }
  if (doing !== undefined) {
    return new RemoteError(`${doing} failed at ${url}: ${cause}`, { cause: error });
  }
  if (/certificate/i.test(cause)) {
    return new RemoteError(`cannot reach ${url}: ${cause}`, {
      hint: "name the authority of the brokers' certificates with --kafka-tls-ca-file, and the brokers as these do",
      cause: error,
    });
  }
  return new RemoteError(`cannot reach ${url}: ${cause}`, {
    hint: [
      'is it running, and is the address it advertises reachable from here?',
      'does it expect TLS (--kafka-tls) or a login (--kafka-sasl-mechanism)?',
    ].join('\n'),
    cause: error,
  });
}

/** Closes a kafkajs client without waiting long: a dead broker would hold it up. */
export async function disconnect(client: Pick<Admin, 'disconnect'>, limitMs: number) {
  await atMost(limitMs, client.disconnect());
}

function saslOf(kafka: Config['broker']['kafka']): SASLOptions | undefined {
  const { saslMechanism: mechanism, saslUsername: username, saslPassword: password } = kafka;
  if (mechanism === undefined) return undefined;
  if (username === undefined || password === undefined) {
    throw new UsageError(`the login ${mechanism} needs a user and a password`, {
      hint: 'set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
    });
  }
  return { mechanism, username, password } as SASLOptions;
}

async function tlsOf(caFile: string | undefined): Promise<true | { ca: string[] }> {
  if (caFile === undefined) return true;
  try {
    return { ca: [await readFile(caFile, 'utf8')] };
  } catch (error) {
    throw cannotRead(caFile, error, 'KAFKA_TLS_CA_FILE');
  }
}

function levelOf(log: Log): logLevel {
  if (log.isLevelEnabled('trace')) return logLevel.INFO;
  return log.isLevelEnabled('debug') ? logLevel.ERROR : logLevel.NOTHING;
}

/** kafkajs calls each of its retries an error; what matters to an operator, odin logs itself. */
function writeEntry(log: Log, { level, namespace, log: entry }: LogEntry): void {
  const { message, timestamp: _, logger: __, stack: ___, ...fields } = entry;
  const write = level === logLevel.ERROR ? log.debug : log.trace;
  write.call(log, { kafkajs: namespace, ...fields, text: message }, 'kafkajs says');
}
