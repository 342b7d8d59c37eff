/** What the publisher and the server count themselves, asked before and after a load test. */
import { isObject } from '../../base/values.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import type { TlsTarget } from '../socket/target.ts';
import { askJson } from './json-question.ts';

/** Of a server, since it started. Counts are events. */
export interface ServerCounts {
  readonly node: string;
  readonly uptimeSeconds: number;
  readonly ingested: number;
  /** Records that were no events. */
  readonly notIngested: number;
  readonly delivered: number;
  /** Left out for clients that lag. */
  readonly spared: number;
  readonly clients: number;
  /** Connections since its start. */
  readonly accepted: number;
  /** Processes of it that ended and were replaced; each took counts of its last second along. */
  readonly shardRestarts: number;
  readonly ready: boolean;
  /** Of the overload guard; 0 is none. */
  readonly guardLevel: number;
  readonly behind: number;
}

/** Of a publisher, since it started. */
export interface PublisherCounts {
  readonly published: number;
  readonly failed: number;
  readonly elapsedMs: number;
}

/** What one source said, or why nothing. */
export type Testimony<Counts> = Counts | { readonly complaint: string };

/** Both sources at one moment; undefined for one that is not to be asked. */
export interface Testimonies {
  readonly server: Testimony<ServerCounts> | undefined;
  readonly publisher: Testimony<PublisherCounts> | undefined;
}

const askMs = 1_000;
/** After Ctrl-C the report has to be there within 2 s. */
const hurriedMs = 150;

/** Asks the sources that the settings of a run name. One that does not answer is let alone. */
export class Witnesses {
  readonly #statusUrl: string | undefined;
  readonly #token: string | undefined;
  readonly #publisherUrl: string | undefined;
  readonly #tls: TlsTarget | undefined;
  readonly #signal: AbortSignal;
  /** What those said that could not answer before the run. */
  #silent: Testimonies = { server: undefined, publisher: undefined };

  /** With `signal` aborted, answers are not waited for. */
  constructor(config: LoadTestConfig, tls: TlsTarget | undefined, signal: AbortSignal) {
    this.#tls = tls;
    const { url, protocol, statusUrl, adminToken, publisherUrl } = config;
    // Another server counts nothing that is known here, unless somebody says where.
    const usual = protocol === 'raw' ? undefined : statusUrlOf(url);
    this.#statusUrl = statusUrl === 'none' ? undefined : (statusUrl ?? usual);
    this.#token = adminToken;
    this.#publisherUrl =
      publisherUrl === undefined ? undefined : new URL('/stats', publisherUrl).href;
    this.#signal = signal;
  }

  /** Before the first client: the server first, so that it has read all that is published later. */
  async before(): Promise<Testimonies> {
    const server = await this.askServer();
    const said = { server, publisher: await this.#askPublisher() };
    this.#silent = { server: complaintOf(said.server), publisher: complaintOf(said.publisher) };
    return said;
  }

  /** At the end: the publisher first. */
  async after(): Promise<Testimonies> {
    const publisher = await this.#askPublisher();
    return { publisher, server: await this.askServer() };
  }

  /** What the server says now. */
  async askServer(): Promise<Testimonies['server']> {
    const { server } = this.#silent;
    if (this.#statusUrl === undefined || server !== undefined) return server;
    return await this.#ask(this.#statusUrl, this.#token, serverCounts);
  }

  async #askPublisher(): Promise<Testimonies['publisher']> {
    const { publisher } = this.#silent;
    if (this.#publisherUrl === undefined || publisher !== undefined) return publisher;
    return await this.#ask(this.#publisherUrl, undefined, publisherCounts);
  }

  async #ask<Counts>(
    url: string,
    token: string | undefined,
    read: (value: unknown) => Testimony<Counts> | undefined,
  ): Promise<Testimony<Counts>> {
    const isLate = this.#signal.aborted;
    const answer = await askJson({
      ...{ url, token, tls: this.#tls },
      timeoutMs: isLate ? hurriedMs : askMs,
      signal: isLate ? undefined : this.#signal,
    });
    if ('complaint' in answer) return answer;
    return read(answer.value) ?? { complaint: `${url}: not the counts of an odin` };
  }
}

function complaintOf<Counts extends object>(said: Testimony<Counts> | undefined) {
  return said !== undefined && 'complaint' in said ? said : undefined;
}

/** `ws://host:3004/ws?…` → `http://host:3004/api/status` */
function statusUrlOf(url: string): string {
  return new URL('/api/status', url.replace(/^ws/, 'http')).href;
}

function serverCounts(value: unknown): Testimony<ServerCounts> | undefined {
  if (!isObject(value)) return undefined;
  const silent = value['silent_shards'];
  if (Array.isArray(silent) && silent.length > 0) {
    return {
      complaint: `shard ${silent.join(', ')} of the server did not answer: its counts are old`,
    };
  }
  const { messages, connections, guard, node, uptime_s, ready } = value;
  if (!isObject(messages) || !isObject(connections)) return undefined;
  const { ingested, delivered } = messages;
  if (typeof ingested !== 'number' || typeof delivered !== 'number') return undefined;
  return {
    node: String(node),
    uptimeSeconds: numberOf(uptime_s),
    ingested,
    notIngested: sumOf(messages['skipped']),
    delivered,
    spared: sumOf(messages['spared']),
    clients: numberOf(connections['current']),
    accepted: numberOf(connections['accepted']),
    shardRestarts: restartsIn(value['shards']),
    ready: ready === true,
    guardLevel: isObject(guard) ? numberOf(guard['level']) : 0,
    behind: numberOf(connections['behind']),
  };
}

function publisherCounts(value: unknown): PublisherCounts | undefined {
  if (!isObject(value) || typeof value['published'] !== 'number') return undefined;
  const { published, failed, elapsedMs } = value;
  return { published, failed: numberOf(failed), elapsedMs: numberOf(elapsedMs) };
}

function restartsIn(shards: unknown): number {
  if (!Array.isArray(shards)) return 0;
  return shards.reduce<number>((sum, shard) => sum + numberOf(shard?.restarts), 0);
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function sumOf(labelled: unknown): number {
  if (!isObject(labelled)) return 0;
  return Object.values(labelled).reduce<number>((sum, count) => sum + numberOf(count), 0);
}
