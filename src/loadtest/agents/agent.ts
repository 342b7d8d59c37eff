/** The far end of a distributed load test: runs workers on this machine for a coordinator. */
import type { Readable, Writable } from 'node:stream';
import { exitCodes, messageOf, OdinError, UsageError } from '../../base/errors.ts';
import type { Child } from '../../host/child.ts';
import { thisMachine } from '../../host/machine.ts';
import { odinVersion } from '../../host/version.ts';
import type { Lack } from '../machine/limit.ts';
import { prepareMachine } from '../machine/machine.ts';
import { epochMs } from '../run-clock.ts';
import type { FromWorker } from '../workers/worker-messages.ts';
import { launchWorker } from '../workers/worker-pool.ts';
import { type AgentNeeds, agentProtocol, type FromAgent, type ToAgent } from './agent-messages.ts';
import { decodeMessage, encodeMessage, linesOf } from './agent-wire.ts';

/** What an agent needs of its process. */
export interface AgentHost {
  readonly input: Readable;
  readonly output: Writable;
  /** Ends the agent, as the end of its input does. */
  readonly signal: AbortSignal;
}

/** Before it has been told how long it may wait: a coordinator that connects says so at once. */
const firstSilenceMs = 60_000;

const hint = 'orders come from a run: `odin loadtest --agents <host,…>` starts its agents itself';

/**
 * Serves one coordinator until its input ends, the coordinator falls silent, or `signal` aborts.
 * All workers have ended then. Throws a UsageError when it is no coordinator that speaks there.
 */
export async function serveAgent({ input, output, signal }: AgentHost): Promise<void> {
  let isOver = signal.aborted;
  let isLed = false;
  const end = () => {
    isOver = true;
    input.destroy();
  };
  let silence = setTimeout(end, firstSilenceMs);
  signal.addEventListener('abort', end);
  await using session = new AgentSession(output);
  try {
    for await (const line of linesOf(input)) {
      session.receive(line);
      isLed = true;
      clearTimeout(silence);
      silence = setTimeout(end, session.silenceMs);
    }
    if (!isLed && !isOver) {
      throw new UsageError('standard input ended before the first order', { hint });
    }
  } catch (error) {
    // A connection that is cut is an end like any other.
    if (!isOver && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', end);
    input.destroy();
  }
}

/** One run on this machine. */
class AgentSession implements AsyncDisposable {
  readonly #output: Writable;
  readonly #workers = new Map<number, Child>();
  silenceMs = firstSilenceMs;

  constructor(output: Writable) {
    this.#output = output;
    this.#send({
      kind: 'hello',
      protocol: agentProtocol,
      version: odinVersion(),
      machine: thisMachine(),
    });
  }

  receive(line: string): void {
    const message = decodeMessage<ToAgent>(line);
    switch (message?.kind) {
      case 'prepare':
        return void this.#prepare(message.needs);
      case 'ping':
        return this.#send({ kind: 'pong', sentMs: message.sentMs, atMs: epochMs() });
      case 'launch':
        return this.#launch(message.worker);
      case 'kill':
        return this.#workers.get(message.worker)?.kill();
      case 'tell':
        return void this.#workers.get(message.worker)?.send(message.message);
      default:
        throw new UsageError(
          `standard input has what no agent understands: ${JSON.stringify(line.slice(0, 80))}`,
          { hint },
        );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#workers.values()].map((child) => child[Symbol.asyncDispose]()));
  }

  async #prepare(needs: AgentNeeds): Promise<void> {
    try {
      this.silenceMs = needs.silenceMs;
      const lacks: Lack[] = [];
      const onLack = needs.isForced ? (lack: Lack) => void lacks.push(lack) : undefined;
      const address = await prepareMachine(needs.config, needs, { onLack });
      this.#send({ kind: 'ready', address, lacks });
    } catch (error) {
      const isKnown = error instanceof OdinError;
      this.#send({
        kind: 'refused',
        exitCode: isKnown ? error.exitCode : exitCodes.bug,
        message: messageOf(error),
        hint: isKnown ? error.hint : undefined,
      });
    }
  }

  #launch(worker: number): void {
    const child = launchWorker({
      onMessage: (message) => this.#relay(worker, message as FromWorker),
      onExit: (exit) => this.#send({ kind: 'exited', worker, exit }),
    });
    this.#workers.set(worker, child);
  }

  #relay(worker: number, message: FromWorker): void {
    // Reports hold everything since the start: while the way is jammed, a later one will do.
    if (message.kind === 'report' && this.#output.writableNeedDrain) return;
    this.#send({ kind: 'said', worker, message });
  }

  #send(message: FromAgent): void {
    this.#output.write(encodeMessage(message));
  }
}
