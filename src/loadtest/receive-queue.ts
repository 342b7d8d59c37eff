/** What waits in the kernel because the load tester has not read it yet, from /proc/net/tcp. */
import { isIPv6 } from 'node:net';
import { procAddress, type ReadText } from './proc.ts';
import type { Target } from './target.ts';

/** Unread bytes of the sockets of a run, over the hold phase. */
export interface ReceiveQueue {
  /** How often it was looked at. */
  readonly looks: number;
  /** Of the middle socket, at the middle look: slow readers are few, and so are bursts. */
  readonly medianBytes: number;
  /** Of all sockets, at the worst look. */
  readonly maxTotalBytes: number;
}

/** A look lists all sockets of the machine: it may take so large a share of the time. */
const maxShare = 0.01;
const minPauseMs = 500;
/** Looks of a run; beyond it they are further apart. */
const maxLooks = 512;
/** A list of more than this is of so many sockets that looking would disturb the run. */
const maxListChars = 32 * 1024 * 1024;

/** Looks now and then, at most 1 % of the time. */
export class ReceiveQueueWatch implements Disposable {
  readonly #path: string;
  readonly #remote: string;
  readonly #read: ReadText;
  readonly #isHeld: () => boolean;
  #looks: number[] = [];
  #maxTotalBytes = 0;
  #pauseMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** `isHeld` tells whether the run is in its hold phase: only then a look counts. */
  constructor(
    target: Pick<Target, 'address' | 'port'>,
    isHeld: () => boolean,
    read: ReadText,
    pauseMs = minPauseMs,
  ) {
    this.#pauseMs = pauseMs;
    this.#path = isIPv6(target.address) ? '/proc/net/tcp6' : '/proc/net/tcp';
    this.#remote = procAddress(target.address, target.port);
    this.#isHeld = isHeld;
    this.#read = read;
    this.#plan();
  }

  /** What was seen until now; undefined where nothing could be. */
  get result(): ReceiveQueue | undefined {
    if (this.#looks.length === 0) return undefined;
    const medianBytes = median(this.#looks);
    return { looks: this.#looks.length, medianBytes, maxTotalBytes: this.#maxTotalBytes };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #plan(): void {
    this.#timer = setTimeout(() => void this.#look(), this.#pauseMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const startedMs = performance.now();
    const list = this.#isHeld() ? await this.#read(this.#path) : undefined;
    if (this.#isOver) return;
    if (list !== undefined && this.#isHeld()) this.#take(unreadBytes(list, this.#remote));
    this.#pauseMs = Math.max(this.#pauseMs, (performance.now() - startedMs) / maxShare);
    if (list === undefined || list.length <= maxListChars) this.#plan();
  }

  #take(sizes: readonly number[]): void {
    if (sizes.length === 0) return;
    this.#looks.push(median(sizes));
    this.#maxTotalBytes = Math.max(
      this.#maxTotalBytes,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    if (this.#looks.length < maxLooks) return;
    this.#looks = this.#looks.filter((_, at) => at % 2 === 0);
    this.#pauseMs *= 2;
  }
}

/** Unread bytes of each established socket to `remote`, from the text of /proc/net/tcp. */
export function unreadBytes(list: string, remote: string): number[] {
  const sizes: number[] = [];
  // `  0: 0100007F:A2B4 0100007F:0BBC 01 00000000:0000012C …`: local, remote, state, queues.
  const line = new RegExp(` ${remote} 01 [0-9A-F]{8}:([0-9A-F]{8}) `, 'g');
  for (const [, size] of list.matchAll(line)) sizes.push(Number.parseInt(size as string, 16));
  return sizes;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
