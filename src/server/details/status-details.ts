/** The sections of the status report, each made only when somebody asks for it. */
import { performance } from 'node:perf_hooks';
import type { PartitionPlace } from '../../broker/broker.ts';
import { machineUsage } from '../../host/machine.ts';
import type {
  Listing,
  MachineStatus,
  PartitionStatus,
  StatusSection,
  StatusSections,
} from '../../protocol/status-sections.ts';
import type { History } from '../delivery/history.ts';
import { busyChannels } from './busy-channels.ts';
import type { ClientLook, ClientQuestion } from './client-look.ts';
import { firstRows } from './first-rows.ts';

/** Where they are made from. */
export interface DetailParts {
  readonly history: Pick<History, 'first' | 'next' | 'at'>;
  /** Since when events come as they happen, on the clock of {@link History}; undefined before. */
  readonly liveSinceMs: () => number | undefined;
  /** Where each partition is read; empty before reading began. */
  readonly places: () => readonly PartitionPlace[];
  /** Asks whatever processes serve clients. Never rejects. */
  readonly lookAtClients: (question: ClientQuestion) => Promise<LookOfAll>;
}

/** What the processes that serve clients see of them. */
export interface LookOfAll {
  readonly look: ClientLook;
  /** Shards that did not answer: their clients are not in it. */
  readonly silent: readonly number[];
}

/** Sections, and the shards that are missing from them. */
export interface Details {
  readonly sections: StatusSections;
  readonly silent: readonly number[];
}

const nobody = { look: undefined, silent: [] } as const;

/** Makes sections. */
export class StatusDetails {
  readonly #parts: DetailParts;

  constructor(parts: DetailParts) {
    this.#parts = parts;
  }

  /** Those that are wanted and no others. */
  async sections(wanted: readonly StatusSection[]): Promise<Details> {
    const { history, liveSinceMs, places, lookAtClients } = this.#parts;
    const nowMs = performance.now();
    const busy = wanted.includes('channels')
      ? await busyChannels(history, nowMs, liveSinceMs() ?? nowMs)
      : undefined;
    const channels = busy?.rows.map(({ channel }) => channel) ?? [];
    const wantsSlow = wanted.includes('clients');
    const { look, silent } =
      channels.length > 0 || wantsSlow ? await lookAtClients({ channels, wantsSlow }) : nobody;
    const sections = {
      ...(busy && { channels: { ...busy, rows: withSubscribers(busy.rows, look) } }),
      ...(wantsSlow && look && { clients: look.slow }),
      ...(wanted.includes('partitions') && { partitions: partitionsOf(places()) }),
      ...(wanted.includes('machine') && { machine: machineStatus() }),
    };
    return { sections, silent };
  }
}

function withSubscribers<Row>(rows: readonly Row[], look: ClientLook | undefined) {
  return rows.map((row, at) => ({ ...row, subscribers: look?.subscribers[at] ?? 0 }));
}

function partitionsOf(places: readonly PartitionPlace[]): Listing<PartitionStatus> {
  const rows = places.map((place) => ({
    ...place,
    lag_records: Math.max(0, place.high - place.next),
  }));
  return firstRows(rows, (a, b) => b.lag_records - a.lag_records);
}

function machineStatus(): MachineStatus {
  const { name, system, cpus, busyMs, idleMs, load, memoryBytes, freeBytes } = machineUsage();
  return {
    ...{ name, system, cpus, load },
    cpu_busy_ms: busyMs,
    cpu_idle_ms: idleMs,
    memory_bytes: memoryBytes,
    memory_free_bytes: freeBytes,
  };
}
