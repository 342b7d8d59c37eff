/** Painting: lines as text with the terminal's colours, or without. */
import { Chalk, type ChalkInstance } from 'chalk';
import type { Line, Tone } from './line.ts';

/** Turns a line into what is written to the terminal. */
export type Paint = (line: Line) => string;

/** With the 16 colours that every scheme has; without colour nothing but the text. */
export function createPaint(hasColor: boolean): Paint {
  const chalk = new Chalk({ level: hasColor ? 1 : 0 });
  const tones: Readonly<Record<Tone, ChalkInstance | undefined>> = {
    plain: undefined,
    dim: chalk.dim,
    strong: chalk.bold,
    good: chalk.green,
    warn: chalk.yellow,
    bad: chalk.red,
    accent: chalk.cyan,
    chosen: chalk.inverse,
  };
  return (spans) => spans.map(({ text, tone = 'plain' }) => tones[tone]?.(text) ?? text).join('');
}
