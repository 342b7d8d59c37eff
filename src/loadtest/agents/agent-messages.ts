/** What the coordinator of a distributed load test and its agents say to each other. */
import type { ExitCode } from '../../base/errors.ts';
import type { ChildExit } from '../../host/child.ts';
import type { Machine } from '../../host/machine.ts';
import type { Lack } from '../machine/limit.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import type { FromWorker, ToWorker } from '../workers/worker-messages.ts';

/** Rises with every change to these messages. Those of workers are bound to odin's version. */
export const agentProtocol = 3;

/** What an agent has to provide. */
export interface AgentNeeds {
  readonly config: LoadTestConfig;
  /** Connections of all agents on the same machine. */
  readonly connections: number;
  /** Connections of the worker that has most. */
  readonly perWorker: number;
  /** Workers of all agents on the same machine. */
  readonly workers: number;
  /** Whether it is to go on although its machine has too little of something. */
  readonly isForced: boolean;
  /** Without a word from the coordinator for this long, the agent ends. */
  readonly silenceMs: number;
}

/** From the coordinator. */
export type ToAgent =
  | { readonly kind: 'prepare'; readonly needs: AgentNeeds }
  | { readonly kind: 'ping'; readonly sentMs: number }
  | { readonly kind: 'launch'; readonly worker: number }
  /** Ends a worker at once. */
  | { readonly kind: 'kill'; readonly worker: number }
  | { readonly kind: 'tell'; readonly worker: number; readonly message: ToWorker };

/** From an agent; `hello` comes first, `ready` (with the server's address) or `refused` answers `prepare`. */
export type FromAgent =
  | {
      readonly kind: 'hello';
      readonly protocol: number;
      readonly version: string;
      readonly machine: Machine;
    }
  | {
      readonly kind: 'ready';
      readonly address: string;
      /** What its machine has too little of, when it was told to go on all the same. */
      readonly lacks: readonly Lack[];
    }
  | {
      readonly kind: 'refused';
      readonly exitCode: ExitCode;
      readonly message: string;
      readonly hint: string | undefined;
    }
  | { readonly kind: 'pong'; readonly sentMs: number; readonly atMs: number }
  | { readonly kind: 'said'; readonly worker: number; readonly message: FromWorker }
  | { readonly kind: 'exited'; readonly worker: number; readonly exit: ChildExit };
