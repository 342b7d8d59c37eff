/** ShardProcess: one shard as the primary sees it: its child, its feed, sockets on their way to it. */
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type Child, type ChildExit, forkChild } from '../../../host/child.ts';
import type { ShardState } from '../../../protocol/status-report.ts';
import type { Feed, FeedState } from '../feed/feed.ts';
import type { Feeds } from '../feed/feeds.ts';
import type { FromShard, ShardSetup, ToShard } from '../link/shard-messages.ts';

/** Sockets that may be on their way to a shard at a time; further ones wait, or go to another. */
const maxInTransit = 128;
/**
 * A shard that has not taken a socket for so long gets no more, in milliseconds: it may be frozen, and
 * what is on its way to it cannot be had back while it lives.
 */
const maxTransitMs = 250;
/** A socket that a shard did not get in this time, and yet talks, is given up, in milliseconds. */
const stuckMs = 2_000;
/** A shard that was silent for so many ticks gets no sockets until it speaks. */
const suspectTicks = 4;

/** Beside the sources stands shard.ts, beside the build shard.js. */
const shardEntry = new URL(
  `../shard/shard${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

/**
 * MiB for new objects, instead of Node's 16: what clients leave behind when they come would fill that in
 * each shard, and the memory stays. What it costs in CPU is below what can be measured.
 */
const shardFlags = ['--max-semi-space-size=2'];

/** Who is told what a shard says and does. */
export interface ShardProcessHandlers {
  /** All messages but those about its start and about sockets that it has. */
  onMessage(message: FromShard): void;
  onServing(): void;
  /** Sockets were given up that it never got. */
  onStuck(count: number): void;
  /** It has taken sockets: there is room for more on their way. */
  onTaken(): void;
  /** It is so far behind that the history no longer has what it needs: it is being ended. */
  onOvertaken(): void;
  /** Its process ended. These sockets never got there. */
  onExit(exit: ChildExit, stranded: readonly Socket[]): void;
}

/** Starts a process at once. Disposing it closes the link, on which it ends. */
export class ShardProcess implements AsyncDisposable {
  readonly #child: Child;
  readonly #setupOf: () => ShardSetup;
  readonly #feeds: Feeds;
  readonly #handlers: ShardProcessHandlers;
  /** Sockets on their way, oldest first, with when they were sent. */
  readonly #inTransit = new Map<number, { readonly socket: Socket; readonly sentMs: number }>();
  #feed: Feed | undefined;
  #state: ShardState = 'starting';
  #isLevel = false;
  /** It was told to serve: from here on its history must not be emptied. */
  #isOpening = false;
  /** History index that it must have reached before it takes clients; undefined until the node is warm. */
  #openAt: (() => number) | undefined;
  /** Looks of the supervisor since it last said anything. */
  #silentTicks = 0;
  /** When it began to serve, on the monotonic clock; undefined before. */
  servingSinceMs: number | undefined;

  /** `setupOf` is asked when the process is there: settings may have changed since. */
  constructor(setupOf: () => ShardSetup, feeds: Feeds, handlers: ShardProcessHandlers) {
    this.#setupOf = setupOf;
    this.#feeds = feeds;
    this.#handlers = handlers;
    const childHandlers = {
      onMessage: (message: unknown) => this.#receive(message as FromShard),
      onExit: (exit: ChildExit) => this.#exited(exit),
    };
    this.#child = forkChild(shardEntry, childHandlers, shardFlags);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get state(): ShardState {
    return this.#state;
  }

  get feedState(): FeedState | undefined {
    return this.#feed?.state;
  }

  get silentTicks(): number {
    return this.#silentTicks;
  }

  /** Whether a socket can be handed to it now. */
  get canTake(): boolean {
    return (
      this.#state === 'serving' &&
      this.#inTransit.size < maxInTransit &&
      this.#silentTicks < suspectTicks &&
      !this.#isLate
    );
  }

  get #isLate(): boolean {
    for (const { sentMs } of this.#inTransit.values()) {
      return performance.now() - sentMs > maxTransitMs;
    }
    return false;
  }

  /** Whether it may have any: it serves, or lets them go. */
  get hasClients(): boolean {
    return this.#state === 'serving' || this.#state === 'stopping';
  }

  /** Whether it can be expected to answer. */
  get isResponsive(): boolean {
    return this.hasClients && this.#silentTicks < suspectTicks;
  }

  /** One more look at which it had said nothing; anything that it says starts anew. */
  tick(): void {
    if (this.#silentTicks === 0) this.#dropStuck();
    this.#silentTicks++;
  }

  /**
   * A shard that talks and did not get a socket never will: it had no descriptor for it. Nobody
   * else may get it, since that cannot be known for sure.
   */
  #dropStuck(): void {
    const nowMs = performance.now();
    const stuck = [...this.#inTransit].filter(([, { sentMs }]) => nowMs - sentMs > stuckMs);
    if (stuck.length === 0) return;
    const ids = stuck.map(([id]) => id);
    this.#taken(ids);
    this.#handlers.onMessage({ kind: 'closed', ids });
    this.#handlers.onStuck(ids.length);
  }

  /** The node is warm: it may serve when it has everything that the node has then. */
  open(index: () => number): void {
    this.#openAt = index;
    this.#tryOpen();
  }

  /** Hands it a socket; it stays open here until the shard has it. */
  handOver(id: number, socket: Socket): void {
    this.#inTransit.set(id, { socket, sentMs: performance.now() });
    // Node would keep a list of all sockets that were ever handed over, to count them.
    Object.assign(socket, { server: undefined });
    this.#child.sendSocket({ kind: 'socket', id } satisfies ToShard, socket);
  }

  send(message: ToShard): void {
    this.#child.send(message);
  }

  /** It lets its clients go, and takes no more. */
  drain(message: Extract<ToShard, { kind: 'drain' }>): void {
    this.#state = 'stopping';
    this.send(message);
  }

  /** Ends it at once; its exit follows. */
  kill(): void {
    this.#child.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#feed !== undefined) this.#feeds.remove(this.#feed);
    await this.#child[Symbol.asyncDispose]();
  }

  #receive(message: FromShard): void {
    // What it said last may come after its exit, when its sockets are no longer counted.
    if (this.#state === 'gone') return;
    this.#silentTicks = 0;
    switch (message.kind) {
      case 'ready':
        return this.#start();
      case 'level':
        this.#isLevel = true;
        return this.#tryOpen();
      case 'serving':
        if (this.#state === 'warming') this.#state = 'serving';
        this.servingSinceMs = performance.now();
        return this.#handlers.onServing();
      case 'taken':
        return this.#taken(message.ids);
      case 'report':
        if (this.#feed !== undefined) {
          this.#feeds.pace(this.#feed, message.report.flushIntervalMs);
        }
        return this.#handlers.onMessage(message);
      default:
        return this.#handlers.onMessage(message);
    }
  }

  #start(): void {
    this.send({ kind: 'start', setup: this.#setupOf() });
    this.#state = 'warming';
    this.#feed = this.#feeds.add(this.#child.pipe, {
      onLevel: () => undefined,
      onOvertaken: () => this.#overtaken(),
    });
  }

  /** It is so far behind that the history no longer has what it needs. */
  #overtaken(): 'restart' | 'end' {
    if (this.#state === 'warming' && !this.#isOpening) {
      this.#isLevel = false;
      return 'restart';
    }
    this.#handlers.onOvertaken();
    this.kill();
    return 'end';
  }

  #tryOpen(): void {
    if (this.#state !== 'warming' || !this.#isLevel || this.#openAt === undefined) return;
    this.#isOpening = true;
    this.send({ kind: 'open', index: this.#openAt() });
  }

  #taken(ids: readonly number[]): void {
    for (const id of ids) {
      this.#inTransit.get(id)?.socket.destroy();
      this.#inTransit.delete(id);
    }
    this.#handlers.onTaken();
  }

  #exited(exit: ChildExit): void {
    this.#state = 'gone';
    if (this.#feed !== undefined) this.#feeds.remove(this.#feed);
    const stranded = [...this.#inTransit.values()].map(({ socket }) => socket);
    this.#inTransit.clear();
    this.#handlers.onExit(exit, stranded);
  }
}
