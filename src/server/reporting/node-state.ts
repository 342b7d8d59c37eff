/** NodeState: what reports, metrics and the summary read of a node, be it one process or several. */
import { randomBytes } from 'node:crypto';
import type { Broker, ConsumerState } from '../../broker/broker.ts';
import type { Drain } from '../clients/drain.ts';
import type { Guard } from '../guard/guard.ts';
import type { BrokerHold } from '../ingest/broker-hold.ts';
import type { Counters } from './counters.ts';
import type { ShardFigures } from './shard-figures.ts';

/** What is read of the clients' side. */
export interface DeliveryFigures {
  /** Connections whose socket is full. */
  readonly behind: number;
  readonly cohorts: number;
  readonly flushIntervalMs: number;
  readonly throttle: { clientsAt(level: 1 | 2 | 3): number };
}

/** What is read of guard, pacing and drain. */
export interface ProtectionFigures {
  readonly hold: Pick<BrokerHold, 'reasons' | 'holds' | 'heldMs'>;
  readonly guard: Pick<Guard, 'decision' | 'sample' | 'limits' | 'refusal' | 'transitions'>;
  readonly drain: Pick<Drain, 'progress' | 'budgetMs' | 'cutOff'>;
}

/** What is read of those who ask to come in. */
export interface AdmissionFigures {
  /** Requests whose token is being checked. */
  readonly pending: number;
  readonly devices: { readonly users: number };
  readonly rates: { readonly size: number };
}

/**
 * Everything that reports read. The parts are kept for good, and read anew each time: their values
 * may come from getters. In mode multi they are those of the node, not of the primary process.
 */
export interface NodeState {
  readonly nodeId: string;
  /** Of this start, by {@link newInstance}. */
  readonly instance: string;
  readonly mode: 'single' | 'multi';
  /** When it started, in milliseconds since 1970. */
  readonly startedMs: number;
  readonly broker: Pick<Broker, 'kind' | 'epoch' | 'differences' | 'troubles'>;
  readonly connections: { readonly size: number };
  readonly delivery: DeliveryFigures;
  readonly history: { readonly first: number; readonly next: number; readonly bytes: number };
  readonly counters: Counters;
  readonly protection: ProtectionFigures;
  readonly admission: AdmissionFigures;
  readonly maxConnections: number;
  /** Whether the history holds what the broker held at the start. */
  readonly isWarm: boolean;
  readonly isDraining: boolean;
  /** How reading from the broker goes. */
  consumer(): ConsumerState;
  /** The shards, each with its number; empty in mode single. */
  shards(): readonly ShardFigures[];
  /**
   * Brings what other processes count up to date, as far as they answer soon; nothing to do in mode
   * single. Resolves with the shards that have clients and did not answer; never rejects.
   */
  refresh(): Promise<readonly number[]>;
}

/** A random name for a start of a node. */
export function newInstance(): string {
  return randomBytes(6).toString('base64url');
}
