/** The servers under measurement, started on free ports. */
import { performance } from 'node:perf_hooks';
import { type Child, startNode } from './processes.ts';

/** How odin is started with Node. */
export const odin = ['--disable-warning=ExperimentalWarning', 'bin/odin.js'];

/** A server that is killed when disposed. */
export interface Served extends AsyncDisposable {
  readonly child: Child;
  readonly http: string;
  readonly url: string;
  /** From its start until it was ready, in milliseconds. */
  readonly readyMs: number;
}

/** odin with the embedded broker. */
export async function startOdin(...flags: readonly string[]): Promise<Served> {
  let port = 0;
  const startMs = performance.now();
  const args = ['serve', '--host', '127.0.0.1', '--port', '0', '--log-format', 'json'];
  const child = await startNode([...odin, ...args, ...flags], (line) => {
    port = Number(/"url":"ws:[^"]*:(\d+)\//.exec(line)?.[1] ?? port);
    return line.includes('"msg":"ready"');
  });
  return served(child, port, startMs);
}

/** odin in one mode, with `perSecond` events that come from within. */
export async function startPublishing(
  mode: 'single' | 'multi',
  shards: number,
  perSecond: number,
): Promise<Served> {
  const args = ['bench/publishing-server.ts', mode, String(shards), String(perSecond)];
  return await startListening(args);
}

/** The server most people would write. */
export async function startNaive(...flags: readonly string[]): Promise<Served> {
  return await startListening(['bench/naive-server.ts', ...flags]);
}

/** A server that prints which port it has. */
async function startListening(args: readonly string[]): Promise<Served> {
  let port = 0;
  const startMs = performance.now();
  const child = await startNode(['--disable-warning=ExperimentalWarning', ...args], (line) => {
    port = Number(/listening (\d+)/.exec(line)?.[1] ?? 0);
    return port > 0;
  });
  return served(child, port, startMs);
}

function served(child: Child, port: number, startMs: number): Served {
  const address = `127.0.0.1:${port}`;
  return {
    child,
    http: `http://${address}`,
    url: `ws://${address}/ws`,
    readyMs: performance.now() - startMs,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Messages that a server delivered since it started. */
export async function deliveredBy(http: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  return Number(/^ws_total_messages (\d+)/m.exec(text)?.[1]);
}
