/** A Kafka broker as a process of our own, for tests. */
import { type ChildProcess, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { silenceWarning } from '../../src/host/warnings.ts';
import { freePort } from './free-port.ts';
import { freeze } from './freeze.ts';
import { kafkaClassPath } from './kafka-jars.ts';
import { endProcess, startProcess } from './server-process.ts';
import type { TestCertificate } from './tls.ts';

const startTimeoutMs = 110_000;
/** Starting quickly matters more than running fast. */
const jvmFlags = ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];

/** Who may log in at {@link TestKafka.saslBrokers}, with each of {@link mechanisms}. */
export const saslUser = { username: 'odin', password: 'odin-secret' };

/** Ways to log in, as odin's settings call them. */
export const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

/** What a broker is started with. */
export interface KafkaOptions {
  /** Opens {@link TestKafka.tlsBrokers} and {@link TestKafka.saslTlsBrokers}. */
  readonly certificate?: Pick<TestCertificate, 'certFile' | 'keyFile'>;
}

/** A running Kafka broker. Disposing it stops it and removes its data. */
export interface TestKafka extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly brokers: string;
  /** The same broker, for those who log in as {@link saslUser}. */
  readonly saslBrokers: string;
  /** The same broker, with TLS. */
  readonly tlsBrokers: string;
  /** The same broker, with TLS and for those who log in. */
  readonly saslTlsBrokers: string;
  /** Ends the process, as an operator (SIGTERM) or as a crash (SIGKILL). */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Has it do nothing any more, with its connections open; settles when all its threads stand. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Starts it again, on the same port and with its data. */
  start(): Promise<void>;
}

/** Starts a broker on free ports and waits until it answers. */
export async function startKafka({ certificate }: KafkaOptions = {}): Promise<TestKafka> {
  const classPath = await kafkaClassPath();
  const folder = await mkdtemp(join(tmpdir(), 'odin-kafka-'));
  const ports = await freePorts();
  const properties = join(folder, 'server.properties');
  const tls = certificate === undefined ? undefined : await keyStore(folder, certificate);
  await writeFile(properties, serverProperties(folder, ports, tls));
  const kafka = new KafkaProcess({ classPath, folder, properties, ports });
  try {
    await kafka.format();
    await kafka.start();
  } catch (error) {
    await kafka[Symbol.asyncDispose]();
    throw error;
  }
  return kafka;
}

/** An admin client of kafkajs itself, for what odin does not do. */
export async function kafkaAdmin(brokers: string): Promise<Admin & AsyncDisposable> {
  silenceWarning('TimeoutNegativeWarning');
  const kafka = new Kafka({
    brokers: [brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 1 },
  });
  const admin = kafka.admin();
  await admin.connect();
  return Object.assign(admin, { [Symbol.asyncDispose]: () => admin.disconnect() });
}

interface KafkaProcessParts {
  readonly classPath: string;
  readonly folder: string;
  readonly properties: string;
  readonly ports: Ports;
}

interface Ports {
  readonly plain: number;
  readonly sasl: number;
  readonly controller: number;
  readonly tls: number;
  readonly saslTls: number;
}

class KafkaProcess implements TestKafka {
  readonly brokers: string;
  readonly saslBrokers: string;
  readonly tlsBrokers: string;
  readonly saslTlsBrokers: string;
  readonly #parts: KafkaProcessParts;
  #child: ChildProcess | undefined;

  constructor(parts: KafkaProcessParts) {
    this.#parts = parts;
    this.brokers = `127.0.0.1:${parts.ports.plain}`;
    this.saslBrokers = `127.0.0.1:${parts.ports.sasl}`;
    this.tlsBrokers = `127.0.0.1:${parts.ports.tls}`;
    this.saslTlsBrokers = `127.0.0.1:${parts.ports.saslTls}`;
  }

  async format(): Promise<void> {
    const { classPath, properties } = this.#parts;
    // One that begins with a dash would be taken for an option.
    const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
    const { username, password } = saslUser;
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${username},password=${password}]`,
    ]);
    const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties, ...scram];
    await promisify(execFile)('java', [...jvmFlags, '-cp', classPath, ...tool]);
  }

  async start(): Promise<void> {
    const { classPath, folder, properties } = this.#parts;
    const child = startProcess(
      'java',
      [...jvmFlags, '-cp', classPath, 'kafka.Kafka', properties],
      join(folder, 'kafka.log'),
    );
    this.#child = child;
    const deadline = performance.now() + startTimeoutMs;
    while (!(await answers(this.brokers))) {
      if (child.exitCode === null && performance.now() < deadline) continue;
      const tail = (await readFile(join(folder, 'kafka.log'), 'utf8')).slice(-3_000);
      throw new Error(`kafka did not start (exit code ${child.exitCode}); its log ends:\n${tail}`);
    }
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await endProcess(this.#child, signal);
  }

  async freeze(): Promise<void> {
    if (this.#child?.pid !== undefined) await freeze(this.#child.pid);
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#parts.folder, { recursive: true, force: true });
  }
}

/** Whether the broker takes part in its cluster; waits a little when not. */
async function answers(brokers: string): Promise<boolean> {
  try {
    await using admin = await kafkaAdmin(brokers);
    return (await admin.describeCluster()).brokers.length > 0;
  } catch {
    await sleep(100);
    return false;
  }
}

async function freePorts(): Promise<Ports> {
  const plain = await freePort(5);
  const [sasl, controller, tls, saslTls] = [plain + 1, plain + 2, plain + 3, plain + 4];
  return { plain, sasl, controller, tls, saslTls };
}

/** A key and its certificate in one file, as Kafka reads them without the tools of Java. */
async function keyStore(
  folder: string,
  { certFile, keyFile }: { certFile: string; keyFile: string },
) {
  const file = join(folder, 'keystore.pem');
  const texts = await Promise.all([keyFile, certFile].map((name) => readFile(name, 'utf8')));
  await writeFile(file, texts.join(''));
  return file;
}

/** Settings of a listener where those log in who {@link saslUser} is. */
function loginProperties(listener: string): string {
  const { username, password } = saslUser;
  const modules = 'org.apache.kafka.common.security';
  const scram = `${modules}.scram.ScramLoginModule required;`;
  const plain = `${modules}.plain.PlainLoginModule required user_${username}="${password}";`;
  return mechanisms
    .map(
      (name) =>
        `listener.name.${listener}.${name}.sasl.jaas.config=${name === 'plain' ? plain : scram}\n`,
    )
    .join('');
}

function serverProperties(folder: string, ports: Ports, tlsStore: string | undefined): string {
  const isTls = tlsStore !== undefined;
  const withTls = `,TLS://127.0.0.1:${ports.tls},SASLTLS://127.0.0.1:${ports.saslTls}`;
  const clients = `PLAINTEXT://127.0.0.1:${ports.plain},SASL://127.0.0.1:${ports.sasl}${isTls ? withTls : ''}`;
  const store = ['tls', 'sasltls'].map(
    (name) => `listener.name.${name}.ssl.keystore.type=PEM
listener.name.${name}.ssl.keystore.location=${tlsStore}
`,
  );
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${ports.controller}
listeners=${clients},CONTROLLER://127.0.0.1:${ports.controller}
advertised.listeners=${clients}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,SASLTLS:SASL_SSL
sasl.enabled.mechanisms=${mechanisms.join().toUpperCase()}
${loginProperties('sasl')}${isTls ? loginProperties('sasltls') + store.join('') : ''}log.dirs=${join(folder, 'data')}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000
`;
}
