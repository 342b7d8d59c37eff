/** What stands above a panel whose source does not answer: why not, and how it can be had. */
import type { FleetFigures } from '../fleet-figures.ts';
import type { Glyphs } from '../glyphs.ts';
import { type Line, line, printable } from '../line.ts';

type Watched = NonNullable<FleetFigures['publisher'] | FleetFigures['loadtest']>;

/** Nothing while it answers. */
export function awayLines(sight: Watched['sight'], remedy: string, glyphs: Glyphs): Line[] {
  if (sight.state === 'up') return [];
  const what = `${sight.url}: ${sight.state}: ${printable(sight.problem ?? '')}`;
  return [line(` ${glyphs.bad} ${what}`, 'bad'), line(`   ${remedy}`, 'dim')];
}
