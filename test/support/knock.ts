/** Many clients at once that only ask to be let in, on bare sockets. */
import { connect, type Socket } from 'node:net';
import { upgradeText } from './raw-websocket.ts';

/** How a request to be let in was answered. */
export interface Knock {
  readonly socket: Socket;
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  /** Head and body, as far as they came with the answer. */
  readonly answer: string;
  /** Resolves when the server has closed it. */
  readonly closed: Promise<void>;
}

/** Asks once; resolves with the first bytes of the answer. */
export function knock(port: number, ...headers: readonly string[]): Promise<Knock> {
  const socket = connect(port, '127.0.0.1');
  const closed = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<Knock>();
  const tell = (status: number, answer: string) =>
    answered.resolve({ socket, status, answer, closed: closed.promise });
  socket.on('error', () => undefined);
  socket.once('connect', () => socket.write(upgradeText('/ws', ...headers)));
  socket.once('data', (bytes) => {
    const answer = bytes.toString('latin1');
    tell(Number(/^HTTP\/1\.1 (\d+) /.exec(answer)?.[1] ?? 0), answer);
  });
  socket.once('close', () => {
    tell(0, '');
    closed.resolve();
  });
  return answered.promise;
}

/** Asks so many times at once. Those who were let in stay until it is disposed. */
export class Crowd implements Disposable {
  readonly knocks: readonly Knock[];
  /** The most that were in at any moment, as seen from outside. */
  readonly most: number;

  private constructor(knocks: readonly Knock[], most: number) {
    this.knocks = knocks;
    this.most = most;
  }

  static async of(port: number, count: number, ...headers: readonly string[]): Promise<Crowd> {
    let inside = 0;
    let most = 0;
    const one = async () => {
      const answered = await knock(port, ...headers);
      if (answered.status !== 101) return answered;
      most = Math.max(most, ++inside);
      void answered.closed.then(() => inside--);
      return answered;
    };
    return new Crowd(await Promise.all(Array.from({ length: count }, one)), most);
  }

  /** Those who were let in. */
  get inside(): Knock[] {
    return this.knocks.filter(({ status }) => status === 101);
  }

  /** Those who were answered otherwise. */
  get refused(): Knock[] {
    return this.knocks.filter(({ status }) => status !== 101);
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.knocks) socket.destroy();
  }
}
