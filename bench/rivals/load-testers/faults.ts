/** What a server, or the load tester's own machine, does wrong: known exactly, for tools to find. */
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom, randomNormal } from '../../../src/base/random.ts';
import type { FaultServer, Faults } from '../../../test/support/fault-server.ts';
import type { Outcome, Running } from './tool.ts';

/** Of each run. */
export const clients = 20;
/** What each client has to get. */
const events = 200;
const everyMs = 10;
/** Tools that have not brought their clients by then are given up. */
const limitMs = 40_000;
const channel = 'BTC.trade';

/** A thing that goes wrong. */
export interface Fault {
  readonly what: string;
  readonly server?: Faults;
  /** Subscriptions that the server sees; default: {@link clients}. */
  readonly subscribers?: number;
  /** How old an event is; default: new. In milliseconds. */
  readonly ageOf?: (n: number) => number;
  /** Right before the event `n`. */
  readonly before?: (n: number, server: FaultServer, tool: Running) => Promise<void> | void;
  /** Nobody listens at the address. */
  readonly isAbsent?: boolean;
  /** Whether a tool says it; default: it names something that is wrong. */
  readonly isTold?: (outcome: Outcome) => boolean;
}

const random = createRandom(3);
// So old that what a busy machine adds is within the 2 %.
const agesMs = Array.from({ length: events }, () =>
  Math.round(4_000 * Math.exp(0.6 * randomNormal(random))),
);
const [p50, p99] = [0.5, 0.99].map(
  (share) => agesMs.toSorted((a, b) => a - b)[Math.ceil(share * events) - 1] as number,
) as [number, number];

function isNear(seen: number | undefined, truth: number): boolean {
  return seen !== undefined && Math.abs(seen / truth - 1) <= 0.02;
}

function at(number: number, act: (server: FaultServer, tool: Running) => Promise<void> | void) {
  return (n: number, server: FaultServer, tool: Running) =>
    n === number ? act(server, tool) : undefined;
}

/** All of them; each is injected into a run of its own for each tool. */
export const faults: readonly Fault[] = [
  { what: `nothing: ${clients * events} events, none lost`, isTold: isSatisfied },
  {
    what: 'a client lacks 10 events in the middle',
    server: {
      deliver: ({ client, n }) => (client === 1 && n >= 50 && n < 60 ? 'drop' : undefined),
    },
  },
  {
    what: 'a client gets 10 events twice',
    server: {
      deliver: ({ client, n }) => (client === 2 && n % 20 === 0 ? 'duplicate' : undefined),
    },
  },
  {
    what: 'a client gets 10 events after the ones behind them',
    server: { deliver: ({ client, n }) => (client === 3 && n % 20 === 0 ? 'hold' : undefined) },
  },
  {
    what: `events that are late by a known distribution: p50 ${p50} ms, p99 ${p99} ms`,
    ageOf: (n) => agesMs[n] as number,
    isTold: ({ figures }) => isNear(figures['p50'], p50) && isNear(figures['p99'], p99),
  },
  {
    what: '5 of 20 clients are refused with 429, 5 with 503',
    server: { refuse: (n) => [undefined, '429 Too Many', undefined, '503 Full'][n % 4] },
    subscribers: clients / 2,
    isTold: namesAll('429', '503'),
  },
  {
    what: 'all 20 connections are closed with 1013',
    before: at(events / 2, (server) => server.closeAll(1013)),
    isTold: namesAll('1013'),
  },
  {
    what: 'all 20 connections are reset',
    before: at(events / 2, (server) => server.resetAll()),
  },
  {
    what: 'nobody listens at the address',
    isAbsent: true,
  },
  {
    what: 'the server takes connections and never answers',
    server: { stall: true },
    subscribers: 0,
  },
  {
    what: 'the load tester itself is stopped for 3 s (SIGSTOP)',
    before: at(events / 4, async (_, tool) => {
      tool.signal('SIGSTOP');
      setTimeout(() => tool.signal('SIGCONT'), 3_000);
    }),
  },
  {
    what: 'Ctrl-C in the middle',
    before: at(events / 2, (_, tool) => tool.signal('SIGINT')),
    isTold: ({ hasReport }) => hasReport,
  },
];

function isSatisfied({ exitCode }: Outcome): boolean {
  return exitCode === 0;
}

function namesAll(...texts: readonly string[]) {
  return ({ complaints }: Outcome) =>
    texts.every((text) => complaints.some((complaint) => complaint.includes(text)));
}

/** Publishes all events while the fault happens. */
export async function inject(fault: Fault, server: FaultServer, tool: Running): Promise<void> {
  const { subscribers = clients, ageOf = () => 0, before } = fault;
  if (fault.isAbsent || subscribers === 0) return;
  await Promise.race([server.subscribed(subscribers), tool.ended(limitMs)]);
  // Until the hold phase, which is what odin measures, has begun, and past what a subscription may miss.
  await delay(1_500);
  for (let n = 0; n < events; n++) {
    await before?.(n, server, tool);
    server.publish(channel, Date.now() - ageOf(n));
    await delay(everyMs);
  }
}
