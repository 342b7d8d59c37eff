/** The servers under measurement, started on free ports. */
import { type Child, startNode } from './processes.ts';

/** How odin is started with Node. */
export const odin = ['--disable-warning=ExperimentalWarning', 'bin/odin.js'];

/** A server that is killed when disposed. */
export interface Served extends AsyncDisposable {
  readonly child: Child;
  readonly http: string;
  readonly url: string;
}

let nextPort = 4100;

/** odin with the embedded broker. */
export async function startOdin(...flags: readonly string[]): Promise<Served> {
  const port = nextPort++;
  const args = ['serve', '--host', '127.0.0.1', '--port', String(port), '--log-format', 'json'];
  const child = await startNode([...odin, ...args, ...flags], (line) =>
    line.includes('"msg":"ready"'),
  );
  return served(child, port);
}

/** The server most people would write. */
export async function startNaive(...flags: readonly string[]): Promise<Served> {
  let port = 0;
  const child = await startNode(['bench/naive-server.ts', ...flags], (line) => {
    port = Number(/listening (\d+)/.exec(line)?.[1] ?? 0);
    return port > 0;
  });
  return served(child, port);
}

function served(child: Child, port: number): Served {
  const address = `127.0.0.1:${port}`;
  return {
    child,
    http: `http://${address}`,
    url: `ws://${address}/ws`,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
