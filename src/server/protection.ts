/** Protection: guard, pacing and drain of one server, wired to what they act on. */
import type { Config } from '../config/schema.ts';
import { createResourceMeter } from '../host/usage.ts';
import type { Connections } from './clients/connections.ts';
import { Drain } from './clients/drain.ts';
import type { Delivery } from './delivery/delivery.ts';
import { Guard, type GuardSenses, guardSenses } from './guard/guard.ts';
import { closeSlowest } from './guard/slowest.ts';
import { BrokerHold } from './ingest/broker-hold.ts';
import { BrokerPacing } from './ingest/broker-pacing.ts';
import type { Limits } from './limits.ts';
import type { Audit } from './reporting/audit.ts';
import type { Counters } from './reporting/counters.ts';

/** What is protected, and by whom it is told. */
interface ProtectionParts {
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly counters: Counters;
  readonly audit: Audit;
  readonly limits: Limits;
  /** At the start the history is read as fast as it can be, whatever the rates and the CPU. */
  readonly isWarm: () => boolean;
  /** What the guard perceives; the real resources unless given. */
  readonly senses?: GuardSenses | undefined;
}

/** One per server. Disposing it ends its timers; it neither drains nor resumes. */
export class Protection implements Disposable {
  readonly hold = new BrokerHold();
  readonly guard: Guard;
  readonly drain: Drain;
  readonly #pacing: BrokerPacing;
  readonly #parts: ProtectionParts;
  #deliveriesSeen = 0;

  constructor({ guard, drain }: Pick<Config['server'], 'guard' | 'drain'>, parts: ProtectionParts) {
    const { connections, delivery, audit, limits, isWarm } = parts;
    const stretchFlushes = (factor: number) => delivery.stretchFlushes(factor);
    this.#parts = parts;
    const shed = () => closeSlowest(connections.open, audit);
    const watched = {
      ...{ stretchFlushes, hold: this.hold, closeSlowest: shed, audit, limits, isWarm },
    };
    this.guard = new Guard(watched, parts.senses ?? guardSenses(createResourceMeter(guard)));
    this.drain = new Drain(connections, audit, drain.budgetMs);
    this.#pacing = new BrokerPacing(limits, this.hold);
  }

  /** A batch of records was taken in: the configured rates may want a rest now. */
  took(records: number): void {
    const { counters, isWarm } = this.#parts;
    const deliveries = counters.deliveriesOffered - this.#deliveriesSeen;
    this.#deliveriesSeen += deliveries;
    if (isWarm()) this.#pacing.took(records, deliveries);
  }

  [Symbol.dispose](): void {
    this.guard[Symbol.dispose]();
    this.#pacing[Symbol.dispose]();
  }
}
