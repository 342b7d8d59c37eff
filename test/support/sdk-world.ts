/** Clients of the SDK on fake sockets and a fake clock, and what they tell. */
import { afterEach, beforeEach, vi } from 'vitest';
import { OdinClient, type OdinClientOptions, type StateChange } from '../../src/client/index.ts';
import { fakeWebSockets } from './fake-web-socket.ts';

/** Gives every test of a file a clock that stands still until it is moved. */
export function withFakeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_763_673_600_000 });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
}

/** Moves it, and runs what is due by then. */
export const after = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

/** A client on fake sockets, with what it told in the order it told it. */
export function subscribingClient(options: Partial<OdinClientOptions> = {}) {
  const net = fakeWebSockets();
  const client = new OdinClient({
    url: 'ws://odin.test/ws',
    WebSocket: net.WebSocket,
    random: () => 0.5,
    ...options,
  });
  const told: [string, unknown][] = [];
  for (const name of ['gap', 'error', 'throttle', 'skipped', 'token-expired'] as const)
    client.on(name, (value) => told.push([name, value]));
  const states: string[] = [];
  client.on('state', ({ state }) => states.push(state));
  const offsets: number[] = [];
  return {
    ...{ net, client, told, states, offsets },
    take: ({ offset }: { offset: number }) => void offsets.push(offset),
    /** Runs what is due by then. */
    after: (ms = 0) => vi.advanceTimersByTimeAsync(ms),
    async connect(welcome?: Record<string, unknown>) {
      void client.connect();
      await vi.advanceTimersByTimeAsync(0);
      net.last.accept(welcome);
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

/** A client that has started to connect on fake sockets. */
export async function connectingClient(options: Partial<OdinClientOptions> = {}) {
  const net = fakeWebSockets();
  const client = new OdinClient({
    url: 'ws://odin.test/ws',
    WebSocket: net.WebSocket,
    random: () => 0.5,
    ...options,
  });
  const changes: StateChange[] = [];
  const errors: string[] = [];
  const expired: unknown[] = [];
  client.on('state', (change) => changes.push(change));
  client.on('error', ({ code }) => errors.push(code));
  client.on('token-expired', (value) => expired.push(value));
  const opened = client.connect();
  await after();
  return { net, client, changes, errors, expired, opened };
}
