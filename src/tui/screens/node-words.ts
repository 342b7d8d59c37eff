/** How a node is called, and how it is, in a few words. */
import { formatAge } from '../figures-text.ts';
import type { NodeFigures } from '../fleet-figures.ts';
import { printable, type Tone } from '../line.ts';

/** As it is called among the others. */
export function nameOf({ name }: Pick<NodeFigures, 'name'>): string {
  return printable(name);
}

/** One word. */
export function stateOf({ sight, report }: NodeFigures): string {
  if (sight.state !== 'up') return sight.state;
  if (report?.drain) return 'draining';
  return report?.ready === false ? 'not ready' : 'up';
}

/** How bad that is. */
export function stateTone(node: NodeFigures): Tone {
  const state = stateOf(node);
  if (state === 'up') return 'good';
  return state === 'draining' || state === 'slow' ? 'warn' : 'bad';
}

const guardWords = [
  'calm',
  'flushes less often',
  'refuses clients',
  'pauses the broker',
  'sheds clients',
];

/** What the guard does. */
export function guardWord(level: number): string {
  return guardWords[level] ?? `level ${level}`;
}

type Say = (tone: Tone, text: string) => void;

/** What somebody should know now, worst first. */
export function complaintsOf(node: NodeFigures, nowMs: number): { text: string; tone: Tone }[] {
  const { sight, report, sinceMs, answeredMs } = node;
  const complaints: { text: string; tone: Tone }[] = [];
  const say: Say = (tone, text) => complaints.push({ tone, text: printable(text) });
  sayAddresses(node, say);
  if (sight.state === 'slow' && answeredMs !== undefined) {
    // One look waits for less than it is silent.
    say('bad', `slow: no answer for ${formatAge(nowMs - answeredMs)}`);
  } else if (sight.state === 'slow') say('bad', `slow: ${sight.problem ?? ''}`);
  else if (sight.state !== 'up')
    say('bad', `${sight.state} for ${formatAge(nowMs - sinceMs)}: ${sight.problem ?? ''}`);
  if (sight.state !== 'up' || report === undefined) return complaints;
  const { broker, guard, drain, connections, history } = report;
  if (drain !== null) {
    say(
      'warn',
      `clients are let go (${drain.reason}): ${drain.remaining} of ${drain.clients} left`,
    );
  }
  if (!history.warm) say('warn', 'the history is not warm yet');
  if (!broker.connected) say('bad', `no broker: ${broker.last_error ?? 'not connected'}`);
  if (broker.paused) say('warn', `the broker is paused: ${broker.paused_for.join(', ')}`);
  if (guard.level > 0) say('warn', `the guard ${guardWord(guard.level)} (level ${guard.level})`);
  if (guard.refusing !== null) say('bad', `new clients are refused: ${guard.refusing}`);
  const { heavy, medium, light } = connections.throttled;
  if (heavy + medium + light > 0) {
    say('warn', `clients are spared events: ${light} light, ${medium} medium, ${heavy} heavy`);
  }
  for (const { shard, state } of report.shards) {
    if (state !== 'serving') say('bad', `shard ${shard} serves no clients: it is ${state}`);
  }
  // Recordings of older versions have none.
  for (const shard of report.silent_shards ?? []) {
    say('bad', `shard ${shard} does not answer: its figures are old, its clients in no list`);
  }
  return complaints;
}

/** Of a node that is watched under several addresses: that it is one, and which do not work. */
function sayAddresses({ url, elsewhere, sight }: NodeFigures, say: Say): void {
  if (sight.state === 'up') {
    for (const other of elsewhere) {
      if (other.state === 'up') continue;
      say('bad', `does not answer at ${other.url}: ${other.state}: ${other.problem ?? ''}`);
    }
  }
  const urls = new Set([url, sight.url, ...elsewhere.map((other) => other.url)]);
  if (urls.size > 1) say('warn', `one node, watched as ${[...urls].join(' and ')}`);
}
