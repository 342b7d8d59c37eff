/** Kinds of metrics, each fed by a function that is called when somebody looks. */
import { Counter, Gauge, type Registry } from 'prom-client';

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
