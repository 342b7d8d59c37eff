/** odin, Centrifugo and Socket.IO, each started in the same way, fed in the same way, read in the same way. */

import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { openBroker } from '../../src/broker/open.ts';
import { configSchema } from '../../src/config/schema.ts';
import { epochMs } from '../../src/loadtest/run-clock.ts';
import { type Child, startNode, startProgram } from '../processes.ts';
import { odin as odinCommand } from '../servers.ts';
import { installGo, installNpm } from './install.ts';

/** A running server. */
export interface Rival extends AsyncDisposable {
  readonly child: Child;
  /** Its `POST /api/publish` takes what {@link Contender.eventOf} makes. */
  readonly http: string;
  /** Where clients connect. */
  readonly url: string;
}

/** What clients want: each `each` of these channels, at random. */
export interface Wish {
  readonly channels: readonly string[];
  readonly each: number;
}

/** A server under comparison. */
export interface Contender {
  readonly name: string;
  /** Starts it on a port, or a free one. */
  start(port?: number): Promise<Rival>;
  /** Flags that make `odin loadtest` its client. */
  clientFlags(wish: Wish): readonly string[];
  /** The body of a request that publishes an event with `data`. */
  eventOf(channel: string, data: EventData): Readonly<Record<string, unknown>>;
  /** Where events go into a broker of their own, not to the server. */
  openProducer?: () => Promise<BrokerProducer>;
}

/** What publishes into the broker of a server; settles when the broker has it. */
export interface BrokerProducer extends AsyncDisposable {
  send(event: Readonly<Record<string, unknown>>): Promise<void>;
}

/** What all carry: the number of the event on its channel, its time, and what makes it as long as it is. */
export interface EventData {
  readonly n: number;
  readonly ts: number;
  readonly filler: string;
}

/** An event of 300 bytes on odin's wire; the envelopes of others are some bytes shorter. */
export function dataOf(n: number): EventData {
  return { n, ts: epochMs(), filler: 'x'.repeat(127) };
}

/** Read as odin's own protocol, or by the same generator as all others; with a broker in itself, or NATS. */
export function odin(generator: 'v2' | 'raw', nats?: string): Contender {
  const broker = nats === undefined ? [] : ['--broker', nats];
  const subscribe = '{"type":"subscribe","data":{"channels":["{channel}"]}}';
  const raw = [...rawFlags('data', 'channel'), '--subprotocol', 'odin.v2', '--send', subscribe];
  return {
    name: `${generator === 'v2' ? 'odin.v2' : 'odin'}${nats === undefined ? '' : ' with NATS'}`,
    async start(port) {
      const listen = ['--host', '127.0.0.1', '--port', String(port ?? (await freePort()))];
      const args = [...odinCommand, 'serve', ...listen, '--log-format', 'json', ...broker];
      let url = '';
      const child = await startNode(args, (line) => {
        url = /"url":"([^"]+)"/.exec(line)?.[1] ?? url;
        return line.includes('"msg":"ready"');
      });
      return rivalOf(child, url);
    },
    clientFlags: (wish) => [...channelFlags(wish), ...(generator === 'raw' ? raw : [])],
    eventOf(channel, data) {
      const type = 'TRADE_EXECUTED';
      return { key: channel.split('.')[0], type, timestamp: Math.floor(data.ts), data };
    },
    ...(nats === undefined ? {} : { openProducer: () => openProducer(nats) }),
  };
}

async function openProducer(url: string): Promise<BrokerProducer> {
  const { broker: config } = configSchema.parse({ broker: { url } });
  const broker = await openBroker(config, { log: pino({ level: 'silent' }), nodeId: 'bench' });
  const producer = await broker.openProducer();
  return {
    async send({ key, ...event }) {
      const value = JSON.stringify(event);
      const record = { topic: 'odin.trades', key: String(key), value, timestampMs: Date.now() };
      await producer.send([record]);
    },
    [Symbol.asyncDispose]: async () => {
      await producer[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** Centrifugo with its memory engine, or Redis; `history` lets clients recover. */
export function centrifugo(history: boolean, redis?: string): Contender {
  const name = `Centrifugo${history ? ' with history' : ''}${redis === undefined ? '' : ' in Redis'}`;
  return {
    name,
    async start(given) {
      const port = given ?? (await freePort());
      const config = {
        http_server: { address: '127.0.0.1', port },
        client: { insecure: true },
        http_api: { insecure: true },
        usage_stats: { disabled: true },
        ...(redis !== undefined && { engine: { type: 'redis', redis: { address: [redis] } } }),
        channel: {
          without_namespace: history
            ? { history_size: 5_000, history_ttl: '300s', force_recovery: true }
            : {},
        },
      };
      const file = join(mkdtempSync(join(tmpdir(), 'odin-centrifugo-')), 'config.json');
      writeFileSync(file, JSON.stringify(config));
      const binary = await installGo('centrifugo');
      const child = await startProgram(binary, ['--config', file], (line) =>
        line.includes('serving websocket'),
      );
      return rivalOf(child, `ws://127.0.0.1:${port}/connection/websocket`);
    },
    clientFlags: (wish) => [
      ...channelFlags(wish),
      ...rawFlags('push.pub.data', 'push.channel'),
      ...['--send', '{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"{channel}"}}'],
      ...['--reply', '{}=>{}'],
    ],
    eventOf: (channel, data) => ({ channel, data }),
  };
}

/** Socket.IO with its adapter in memory; `recovery` is its connection state recovery. */
export function socketIo(recovery: boolean): Contender {
  return {
    name: `Socket.IO${recovery ? ' with recovery' : ''}`,
    async start(port = 0) {
      const folder = await installNpm('socketio');
      const args = ['bench/rivals/servers-socketio.ts', folder, String(port)];
      let url = '';
      const child = await startNode(
        ['--disable-warning=ExperimentalWarning', ...args, ...(recovery ? ['recovery'] : [])],
        (line) => {
          const [, bound] = /listening (\d+)/.exec(line) ?? [];
          url = `ws://127.0.0.1:${bound}/socket.io/?EIO=4&transport=websocket`;
          return bound !== undefined;
        },
      );
      return rivalOf(child, url);
    },
    clientFlags({ channels, each }) {
      // Its clients may say nothing before they are let in: the server chooses for them.
      const rooms = `{"rooms":${JSON.stringify(channels)},"each":${each},"client":{client}}`;
      // Only it knows then whose events are whose: what is lost can be told of one room alone.
      const paths =
        each < channels.length
          ? ['--protocol', 'raw', '--message-path', 'ts=1.ts']
          : rawFlags('1', '0');
      return [...paths, '--send', `40${rooms}`, '--reply', '2=>3'];
    },
    eventOf: (channel, data) => ({ channel, data }),
  };
}

function rawFlags(data: string, channel: string): string[] {
  return ['--protocol', 'raw', '--message-path', `ts=${data}.ts,seq=${data}.n,channel=${channel}`];
}

function channelFlags({ channels, each }: Wish): string[] {
  const some = ['--subscription-mode', 'random', '--channels-per-client', String(each)];
  return ['--channels', channels.join(','), ...(each < channels.length ? some : [])];
}

function rivalOf(child: Child, url: string): Rival {
  return {
    child,
    http: new URL(url).origin.replace('ws', 'http'),
    url,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
