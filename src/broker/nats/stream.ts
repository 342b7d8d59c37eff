/** The stream that holds odin's records: what it is, what it should be, and which incarnation. */
import { createHash } from 'node:crypto';
import {
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream';
import { formatBytes, formatCount, formatDuration } from '../../base/units.ts';
import type { Config } from '../../config/schema.ts';
import type { CreateOptions, TopicDescription, TopicOutcome } from '../broker.ts';
import { isStreamMissing } from './complaint.ts';
import type { NatsLink } from './link.ts';
import { Subjects } from './subjects.ts';

/** Of JetStream, for `duplicate_window`; it is never longer than the age of the stream. */
const longestDuplicateWindowMs = 120_000;

const msOf = (nanos: number) => nanos / 1e6;
const nanosOf = (ms: number) => ms * 1e6;

/** The sequences that a stream holds now. */
export interface StreamBounds {
  readonly epoch: string;
  /** Of the oldest record; one more than the newest when it is empty. */
  readonly low: number;
  /** What the next record will get. */
  readonly high: number;
  /** Sequences in between that were deleted one by one. */
  readonly deletedCount: number;
  /** Repeats of a message are recognised for this long, in milliseconds. */
  readonly duplicateWindowMs: number;
}

/** One stream on one server. */
export class NatsStream {
  readonly name: string;
  readonly subjects: Subjects;
  readonly #link: NatsLink;
  readonly #nats: Config['broker']['nats'];

  constructor(link: NatsLink, nats: Config['broker']['nats']) {
    this.#link = link;
    this.#nats = nats;
    this.name = nats.stream;
    this.subjects = new Subjects(nats.subjectPrefix);
  }

  /** How the stream stands. Rejects as the library does. */
  async bounds(): Promise<StreamBounds> {
    return boundsOf(await this.#link.manager.streams.info(this.name));
  }

  /** How the stream stands, and each way in which it is not as the configuration asks. */
  async inspect(): Promise<StreamBounds & { readonly differences: readonly string[] }> {
    const info = await this.#link.manager.streams.info(this.name);
    const wanted = this.#wanted(this.#nats.streamReplicas ?? info.config.num_replicas);
    return { ...boundsOf(info), differences: differencesOf(info.config, wanted) };
  }

  /** The sequences that were deleted one by one. */
  async deleted(): Promise<readonly number[]> {
    const info = await this.#link.manager.streams.info(this.name, { deleted_details: true });
    return info.state.deleted ?? [];
  }

  /** The stream as it is; undefined when there is none. */
  async describe(): Promise<TopicDescription | undefined> {
    const info = await this.#find();
    return info === undefined ? undefined : descriptionOf(info.config);
  }

  /** Creates it when it is missing; says how it differs, and changes it when that is asked for. */
  async create(replicas: number, { change = false }: CreateOptions = {}): Promise<TopicOutcome> {
    const wanted = this.#wanted(this.#nats.streamReplicas ?? replicas);
    const found = await this.#find();
    const topic = this.name;
    if (found === undefined) {
      await this.#link.manager.streams.add(wanted);
      return { topic, outcome: 'created', differences: [] };
    }
    const differences = differencesOf(found.config, wanted);
    if (differences.length === 0) return { topic, outcome: 'exists', differences };
    const { name: _, retention, storage, ...settings } = wanted;
    const isFixed = found.config.storage !== storage || found.config.retention !== retention;
    const notes = [
      isFixed
        ? 'storage and retention policy of a stream cannot be changed: delete it and create it again'
        : 'lower limits delete what is beyond them, at once',
    ];
    const differs = {
      topic,
      outcome: 'differs',
      differences,
      isChangeable: !isFixed,
      notes,
    } as const;
    if (!change || isFixed) return differs;
    await this.#link.manager.streams.update(this.name, settings);
    return { topic, outcome: 'changed', differences };
  }

  async #find(): Promise<StreamInfo | undefined> {
    try {
      return await this.#link.manager.streams.info(this.name);
    } catch (error) {
      if (isStreamMissing(error)) return undefined;
      throw error;
    }
  }

  #wanted(replicas: number) {
    const { streamMaxAgeMs, streamMaxMessages, streamMaxBytes, storage } = this.#nats;
    const windowMs = streamMaxAgeMs > 0 ? streamMaxAgeMs : longestDuplicateWindowMs;
    return {
      name: this.name,
      subjects: [...this.subjects.all],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      max_age: nanosOf(streamMaxAgeMs),
      max_msgs: streamMaxMessages || -1,
      max_bytes: streamMaxBytes || -1,
      duplicate_window: nanosOf(Math.min(longestDuplicateWindowMs, windowMs)),
      storage: storage === 'file' ? StorageType.File : StorageType.Memory,
      num_replicas: replicas,
    };
  }
}

/** Another one for each making of a stream, as long as the server tells the times apart. */
function epochOf(name: string, created: string): string {
  const digest = createHash('sha256').update(`${name} ${created}`).digest();
  return digest.subarray(0, 6).toString('base64url');
}

function boundsOf({ config, created, state }: StreamInfo): StreamBounds {
  return {
    epoch: epochOf(config.name, created),
    low: state.first_seq === 0 ? 1 : state.first_seq,
    high: state.last_seq + 1,
    deletedCount: state.num_deleted ?? 0,
    duplicateWindowMs: msOf(config.duplicate_window),
  };
}

function descriptionOf(config: StreamConfig): TopicDescription {
  return {
    topic: config.name,
    partitions: 1,
    replicationFactor: config.num_replicas,
    retentionMs: config.max_age > 0 ? msOf(config.max_age) : -1,
    stream: {
      maxRecords: config.max_msgs,
      maxBytes: config.max_bytes,
      storage: config.storage,
      subjects: config.subjects,
    },
  };
}

type Compared = Pick<
  StreamConfig,
  | 'subjects'
  | 'retention'
  | 'discard'
  | 'max_age'
  | 'max_msgs'
  | 'max_bytes'
  | 'duplicate_window'
  | 'storage'
  | 'num_replicas'
>;

function differencesOf(found: Compared, wanted: Compared): string[] {
  const without = (limit: number, show: (limit: number) => string) =>
    limit > 0 ? show(limit) : 'unlimited';
  const show: Record<string, (config: Compared) => string> = {
    subjects: ({ subjects }) => subjects.toSorted().join(' '),
    'retention policy': ({ retention }) => retention,
    'when full': ({ discard }) => `discard ${discard}`,
    'max age': ({ max_age }) => without(max_age, (age) => formatDuration(msOf(age))),
    'max messages': ({ max_msgs }) => without(max_msgs, formatCount),
    'max bytes': ({ max_bytes }) => without(max_bytes, formatBytes),
    'duplicate window': ({ duplicate_window }) => formatDuration(msOf(duplicate_window)),
    storage: ({ storage }) => storage,
    replicas: ({ num_replicas }) => String(num_replicas),
  };
  return Object.entries(show)
    .filter(([, of]) => of(found) !== of(wanted))
    .map(([name, of]) => `${name}: ${of(found)}, wanted ${of(wanted)}`);
}
