/** Arrivals: sockets of a shard by the ids that the primary knows them by, until they are closed. */
import type { Socket } from 'node:net';

/** What is told to the primary, once per turn. */
export interface ArrivalNews {
  readonly taken: readonly number[];
  readonly closed: readonly number[];
}

interface Arrival {
  readonly id: number;
  readonly peer: string;
  /** Whether a plain request came on it: it holds no place then, until it asks for one. */
  isPlain: boolean;
}

type Arrived = Socket & { arrival?: Arrival };

/**
 * A request over TLS comes on another object than the socket that arrived; both have the same peer,
 * which is how {@link idOf} finds the id.
 */
export class Arrivals {
  /** Those who have not asked to enter yet, by their peer. */
  readonly #waiting = new Map<string, Arrival>();
  readonly #tell: (news: ArrivalNews) => void;
  readonly #onClose: (this: Arrived) => void;
  #taken: number[] = [];
  #closed: number[] = [];
  #isTelling = false;
  #nextOwnId = -1;

  constructor(tell: (news: ArrivalNews) => void) {
    this.#tell = tell;
    const arrivals = this;
    // One function for all sockets.
    this.#onClose = function () {
      if (this.arrival !== undefined) arrivals.#ended(this.arrival);
    };
  }

  /** Takes note of a socket that came from the primary; undefined when it was closed on its way. */
  arrived(id: number, socket: Socket | undefined): void {
    this.#taken.push(id);
    if (socket === undefined) this.#closed.push(id);
    else this.#remember(id, socket);
    this.#tellSoon();
  }

  /** Takes note of a socket that came in on the shard's own port; the primary never saw it. */
  arrivedDirectly(socket: Socket): void {
    if ((socket as Arrived).arrival === undefined) this.#remember(this.#nextOwnId--, socket);
  }

  /** The id of the socket that a request to enter came on; undefined when it is closed. */
  idOf(socket: Socket): number | undefined {
    const peer = peerOf(socket);
    const arrival = this.#waiting.get(peer);
    this.#waiting.delete(peer);
    // Sent in one go, its plain request gives the place back now, not after it has got another.
    if (arrival?.isPlain) this.#tellNow();
    return arrival?.id;
  }

  /** A plain request came on a socket. Probes and scrapes keep theirs open, and are no clients. */
  gotPlainRequest(socket: Socket): void {
    const arrival = this.#waiting.get(peerOf(socket));
    if (arrival === undefined || arrival.isPlain) return;
    arrival.isPlain = true;
    this.#closed.push(arrival.id);
    this.#tellSoon();
  }

  #remember(id: number, socket: Socket): void {
    const peer = peerOf(socket);
    const arrival = { id, peer, isPlain: false };
    Object.assign(socket, { arrival });
    this.#waiting.set(peer, arrival);
    socket.once('close', this.#onClose);
  }

  #ended(arrival: Arrival): void {
    const { id, peer } = arrival;
    if (this.#waiting.get(peer) === arrival) this.#waiting.delete(peer);
    this.#closed.push(id);
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => this.#tellNow());
  }

  #tellNow(): void {
    this.#isTelling = false;
    const news = { taken: this.#taken, closed: this.#closed };
    this.#taken = [];
    this.#closed = [];
    this.#tell(news);
  }
}

/** Both ends of a connection, which are unique among open ones only together. */
function peerOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
