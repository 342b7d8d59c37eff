/** Runs a command line in this process, against a host made of strings. */
import { Readable, Writable } from 'node:stream';
import { run } from '../../src/cli.ts';
import type { Host } from '../../src/host/host.ts';

/** What a test may give a command. */
interface Given {
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
  readonly signal?: AbortSignal;
  /** Hears of what is written to stdout, when it is. */
  readonly onOutput?: (text: string) => void;
}

/** What came out. */
interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host whose output goes nowhere, for what is below the command line. */
export function createHost(given: Given): Host {
  return hostOf('', given, [], []);
}

/** `await odin('config show --json', { env: { LOG_LEVEL: 'debug' } })` */
export async function odin(line: string, given: Given = {}): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await run(hostOf(line, given, out, err));
  return { exitCode, stdout: out.join(''), stderr: err.join('') };
}

function hostOf(line: string, given: Given, out: string[], err: string[]): Host {
  const sink = (to: string[], onOutput?: Given['onOutput']) =>
    new Writable({
      write(chunk, _encoding, done) {
        to.push(String(chunk));
        onOutput?.(String(chunk));
        done();
      },
    });
  return {
    argv: line.split(' ').filter(Boolean),
    env: given.env ?? {},
    stdin: Readable.from([]),
    stdout: sink(out, given.onOutput),
    stderr: sink(err),
    signal: given.signal ?? AbortSignal.abort(),
    hasColor: false,
    jobControl: { onStop: () => ({ [Symbol.dispose]: () => undefined }), stop: async () => {} },
    interrupt: () => undefined,
    onHangUp: () => ({ [Symbol.dispose]: () => undefined }),
    onOutputFailure: () => ({ [Symbol.dispose]: () => undefined }),
    readText: async (path) => given.files?.[path],
    openInput: (path) => Readable.from([given.files?.[path] ?? '']),
  };
}
