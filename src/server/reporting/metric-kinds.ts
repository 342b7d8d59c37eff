/** Kinds of metrics, each fed by a function that is called when somebody looks. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { BucketCounts } from './bucket-counts.ts';

type Read = () => number;
type ReadLabelled = () => ReadonlyMap<string, number>;

/** A value that goes up and down, read at the scrape. */
export function gauge(registry: Registry, name: string, help: string, read: Read): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** A value that only grows, read at the scrape. */
export function counter(registry: Registry, name: string, help: string, read: Read): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** A growing value per label, read at the scrape. The labels must be a closed set. */
export function labelled(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: ReadLabelled,
) {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of read()) this.inc({ [label]: value }, count);
    },
  });
}

/** A distribution that was counted elsewhere, shown as a Prometheus histogram. */
export function distribution(
  registry: Registry,
  name: string,
  help: string,
  read: () => BucketCounts,
) {
  registry.registerMetric(new CountedHistogram(name, help, read));
}

class CountedHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #read: () => BucketCounts;

  constructor(name: string, help: string, read: () => BucketCounts) {
    super({ name, help, buckets: [...read().bounds], registers: [] });
    this.#name = name;
    this.#help = help;
    this.#read = read;
  }

  override async get() {
    const { bounds, counts, count, sum } = this.#read();
    const value = (suffix: string, value: number, labels = {}) => ({
      ...{ value, labels, exemplar: null },
      metricName: `${this.#name}_${suffix}`,
    });
    let below = 0;
    const buckets = bounds.map((le, at) => {
      below += counts[at] as number;
      return value('bucket', below, { le });
    });
    const values = [
      ...buckets,
      value('bucket', count, { le: '+Inf' }),
      value('sum', sum),
      value('count', count),
    ];
    return {
      name: this.#name,
      help: this.#help,
      type: 'histogram',
      values,
      aggregator: 'sum',
    } as never;
  }

  /** What the registry asks for; prom-client's types do not know it. */
  async getForPromString() {
    return await this.get();
  }
}
