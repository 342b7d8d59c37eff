/** What of the churn that a run, or a trial of a search, was asked for could not be done: then it was another test. Pure. */
import { formatCount } from '../../base/units.ts';
import { parseChurn } from '../../config/load-shape.ts';
import type { Totals } from '../workers/totals.ts';

/** Clients that come late, or lack a channel already, may let as large a share of the turns pass. */
const minShare = 0.5;
/** Of fewer turns, one more or less is no share. */
const minTurns = 4;

/** One line for each way in which clients changed their subscriptions less than `churn` says. */
export function undoneChurn(
  churn: string | undefined,
  { connections, messages, errors }: Totals,
  holdMs: number,
): string[] {
  const asked = parseChurn(churn ?? '');
  if (asked === undefined || connections.opened + connections.active === 0) return [];
  const turns = Math.floor((asked.perSecond * holdMs) / 1_000);
  const dropped = formatCount(connections.unsubscribed);
  const isFarLess = turns >= minTurns && connections.unsubscribed < minShare * turns;
  const example = errors.list().find(({ class: name }) => name === 'open-error')?.example ?? '';
  const code = /"code":"(\w+)"/.exec(example)?.[1] ?? 'error';
  return [
    ...(isFarLess
      ? [
          `clients dropped ${dropped} channels of the ${formatCount(turns)} that --churn ${churn} asks for: ` +
            'lower its rate, or take more clients',
        ]
      : []),
    ...(messages.serverErrors > 0
      ? [`the server refused changes of --churn: ${formatCount(messages.serverErrors)} × ${code}`]
      : []),
  ];
}
