/** One agent of a distributed load test, seen from the coordinator. */
import { messageOf } from '../../base/errors.ts';
import type { ChildHandlers } from '../../host/child.ts';
import { type Command, startCommand } from '../../host/command.ts';
import { ClockEstimator, type ClockOffset } from '../client/clock-offset.ts';
import { epochMs } from '../run-clock.ts';
import type { WorkerAgent, WorkerLink } from '../workers/worker-pool.ts';
import type { AgentHost } from './agent-hosts.ts';
import type { AgentNeeds, FromAgent, ToAgent } from './agent-messages.ts';
import { decodeMessage, encodeMessage, linesOf } from './agent-wire.ts';
import { type AgentFault, faultOf } from './ssh-fault.ts';

type Answer<Kind extends FromAgent['kind']> = Extract<FromAgent, { kind: Kind }>;

/** Lines that the profile of a remote shell may print before the agent speaks. */
const maxNoiseLines = 100;
const clockSamples = 10;
/** How long one answer may take before the next is asked for. */
const clockPatienceMs = 1_000;
/** An agent that has not ended a worker by then does nothing any more. */
const killMs = 250;

/** A started agent. Disposing it ends it, and its workers with it. */
export class AgentLink implements WorkerAgent, AsyncDisposable {
  readonly host: AgentHost;
  readonly #command: Command;
  readonly #clock = new ClockEstimator(0);
  readonly #workers = new Map<number, ChildHandlers>();
  readonly #waiting = new Set<() => void>();
  readonly #answers = new Map<FromAgent['kind'], FromAgent>();
  #fault: AgentFault | undefined;
  #noiseLines = 0;
  #isOver = false;
  #startedAtMs = Number.NaN;
  #lostAtMs = Number.NaN;
  /** How often it was looked after since something was last heard of it. */
  unansweredLooks = 0;
  /** How far its clock is taken to be ahead; its workers put theirs back by this. */
  clockAheadMs = 0;
  clockUncertaintyMs = 0;

  constructor(host: AgentHost) {
    this.host = host;
    this.#command = startCommand(host.command);
    void this.#read();
  }

  get name(): string {
    return this.host.name;
  }

  /** Process id of the command that leads to it; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#command.pid;
  }

  get loss(): string | undefined {
    return this.#fault?.message;
  }

  get lostAfterMs(): number {
    return this.#lostAtMs - this.#startedAtMs;
  }

  get fault(): AgentFault | undefined {
    return this.#fault;
  }

  /** Its clock minus this machine's; undefined before the first answer. */
  get clock(): ClockOffset | undefined {
    return this.#clock.estimate;
  }

  send(message: ToAgent): boolean {
    if (this.#fault !== undefined) return false;
    this.#command.input.write(encodeMessage(message));
    return true;
  }

  /** Asks for its time, which also shows that it is there. */
  ping(): void {
    this.send({ kind: 'ping', sentMs: epochMs() });
  }

  /** What it said of `kinds`; undefined when it was lost before, or after `withinMs`. */
  async answer<Kind extends FromAgent['kind']>(
    kinds: readonly Kind[],
    withinMs: number,
  ): Promise<Answer<Kind> | undefined> {
    const find = () => kinds.map((kind) => this.#answers.get(kind)).find(Boolean);
    await this.#until(() => find() !== undefined, withinMs);
    return find() as Answer<Kind> | undefined;
  }

  /** Lets it look whether its machine can do its part; may be asked anew. */
  async prepare(
    needs: AgentNeeds,
    withinMs: number,
  ): Promise<Answer<'ready' | 'refused'> | undefined> {
    this.#answers.delete('ready');
    this.#answers.delete('refused');
    this.send({ kind: 'prepare', needs });
    return await this.answer(['ready', 'refused'], withinMs);
  }

  /** Asks for its time so often that a short round trip is among them. */
  async measureClock(): Promise<void> {
    for (let n = 1; n <= clockSamples && this.#fault === undefined; n++) {
      this.ping();
      await this.#until(() => (this.clock?.samples ?? 0) >= n, clockPatienceMs);
    }
    this.#settleClock();
  }

  /**
   * Takes the clock of the agent for what it is known to be. One that cannot be told from this
   * machine's is left as it is: correcting it would only add the error of the estimate.
   */
  #settleClock(): void {
    const { offsetMs = 0, uncertaintyMs = 0 } = this.clock ?? {};
    const isDifferent = Math.abs(offsetMs) > uncertaintyMs;
    this.clockAheadMs = isDifferent ? offsetMs : 0;
    this.clockUncertaintyMs = uncertaintyMs + (isDifferent ? 0 : Math.abs(offsetMs));
  }

  /** Starts a worker there. Its messages come to `handlers`, also the loss of the whole agent. */
  launch(worker: number, handlers: ChildHandlers): WorkerLink {
    this.#workers.set(worker, handlers);
    if (!this.send({ kind: 'launch', worker })) queueMicrotask(() => this.#tellLoss(handlers));
    return {
      pid: undefined,
      send: (message) => {
        if (message.kind === 'start') this.#startedAtMs = epochMs();
        return this.send({ kind: 'tell', worker, message });
      },
      kill: () => this.#kill(worker),
      // Workers end with their agent.
      async [Symbol.asyncDispose]() {},
    };
  }

  /** Has one of its workers ended; ends the agent itself, without a word, when it does not do that. */
  #kill(worker: number): void {
    this.send({ kind: 'kill', worker });
    setTimeout(() => {
      if (!this.#workers.has(worker)) return;
      this.#isOver = true;
      this.#command.kill();
    }, killMs).unref();
  }

  /** Gives it up. The first reason counts. */
  lose(fault: AgentFault): void {
    if (this.#fault !== undefined || this.#isOver) return;
    this.#fault = fault;
    this.#lostAtMs = epochMs();
    this.#command.kill();
    for (const handlers of this.#workers.values()) this.#tellLoss(handlers);
    this.#look();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#command[Symbol.asyncDispose]();
  }

  #tellLoss({ onExit }: ChildHandlers): void {
    onExit({ code: null, signal: null, stderr: this.loss ?? '' });
  }

  async #read(): Promise<void> {
    try {
      for await (const line of linesOf(this.#command.output)) this.#receive(line);
    } catch (error) {
      this.lose({ message: `it cannot be understood: ${messageOf(error)}`, hint: undefined });
    }
    this.lose(faultOf(this.host, await this.#command.ended));
  }

  #receive(line: string): void {
    const message = decodeMessage<FromAgent>(line);
    this.unansweredLooks = 0;
    switch (message?.kind) {
      case 'said':
        return this.#workers.get(message.worker)?.onMessage(message.message);
      case 'exited':
        this.#workers.get(message.worker)?.onExit(message.exit);
        return void this.#workers.delete(message.worker);
      case 'pong':
        this.#clock.add(message.sentMs, epochMs(), message.atMs);
        return this.#look();
      case 'hello':
      case 'ready':
      case 'refused':
        this.#answers.set(message.kind, message);
        return this.#look();
      default:
        if (this.#answers.size > 0 || ++this.#noiseLines > maxNoiseLines) {
          throw new Error(line.slice(0, 80));
        }
    }
  }

  /** Waits until `done` holds, the agent is lost, or `withinMs` are over. */
  #until(done: () => boolean, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (done() || this.#fault !== undefined) end();
      };
      const timer = setTimeout(end, withinMs);
      this.#waiting.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
