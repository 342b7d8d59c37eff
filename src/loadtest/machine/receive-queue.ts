/** What waits in the kernel because the load tester has not read it yet, from /proc/net/tcp. */
import { isIPv6 } from 'node:net';
import type { Target } from '../socket/target.ts';
import { procAddress, type ReadText } from './proc.ts';

/** Unread bytes of the sockets of a run, over the hold phase. */
export interface ReceiveQueue {
  /** How often it was looked at. */
  readonly looks: number;
  /** Of the middle socket, at the middle look: slow readers are few, and so are bursts. */
  readonly medianBytes: number;
  /** Of all sockets, at the worst look. */
  readonly maxTotalBytes: number;
}

/** How closely to look: not at all, now and then, or because a worker may not keep up. */
export type Attention = 'none' | 'calm' | 'suspicious';

/** A look lists all sockets of the machine: it may take so large a share of a core. */
const maxShares: Readonly<Record<Attention, number>> = { none: 0, calm: 0.001, suspicious: 0.005 };
const tickMs = 500;
/** Looks of a run; beyond it every other one is forgotten, and they are further apart. */
const maxLooks = 512;
/** A list of more than this is of so many sockets that looking would disturb the run. */
const maxListChars = 32 * 1024 * 1024;

/** Looks now and then: the more often, the more there is to fear. */
export class ReceiveQueueWatch implements Disposable {
  readonly #path: string;
  readonly #remote: string;
  readonly #read: ReadText;
  readonly #attention: () => Attention;
  #looks: number[] = [];
  #maxTotalBytes = 0;
  readonly #ticks: NodeJS.Timeout;
  /** Every so many ticks; more, the longer a run is. */
  #perLook = 1;
  #ticked = 0;
  #lastLookMs = Number.NEGATIVE_INFINITY;
  #costMs = 0;
  #isLooking = false;
  #isOver = false;

  constructor(
    target: Pick<Target, 'address' | 'port'>,
    attention: () => Attention,
    read: ReadText,
    everyMs = tickMs,
  ) {
    this.#path = isIPv6(target.address) ? '/proc/net/tcp6' : '/proc/net/tcp';
    this.#remote = procAddress(target.address, target.port);
    this.#attention = attention;
    this.#read = read;
    this.#ticks = setInterval(() => void this.#tick(), everyMs);
    this.#ticks.unref();
  }

  /** What was seen until now; undefined where nothing could be. */
  get result(): ReceiveQueue | undefined {
    if (this.#looks.length === 0) return undefined;
    const medianBytes = median(this.#looks);
    return { looks: this.#looks.length, medianBytes, maxTotalBytes: this.#maxTotalBytes };
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearInterval(this.#ticks);
  }

  async #tick(): Promise<void> {
    const attention = this.#attention();
    if (attention === 'none' || this.#isLooking || ++this.#ticked % this.#perLook !== 0) return;
    const startedMs = performance.now();
    if (startedMs - this.#lastLookMs < this.#costMs / maxShares[attention]) return;
    this.#isLooking = true;
    const list = await this.#read(this.#path);
    this.#isLooking = false;
    if (this.#isOver) return;
    this.#lastLookMs = performance.now();
    this.#costMs = this.#lastLookMs - startedMs;
    if (list === undefined || list.length > maxListChars) return this[Symbol.dispose]();
    if (this.#attention() !== 'none') this.#take(unreadBytes(list, this.#remote));
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
    this.#perLook *= 2;
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
