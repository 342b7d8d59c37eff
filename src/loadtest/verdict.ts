/** Pass or fail, and why: the rules by which a load test is judged. */
import { formatCount } from '../base/units.ts';
import type { LoadTestReport } from './report.ts';
import { describeExit, type Totals } from './totals.ts';

/** Why a run failed, most telling first; empty for a run that passed. */
export function failuresOf({ connections, messages, errors, deaths }: Totals): string[] {
  const reasons: string[] = [];
  const check = (count: number, one: string, many: string, detail = '') => {
    if (count > 0) reasons.push(`${formatCount(count)} ${count === 1 ? one : many}${detail}`);
  };
  const classes = errors.list().slice(0, 3);
  const why = classes.map((error) => `${error.class} ×${formatCount(error.count)}`).join(', ');
  if (deaths[0] !== undefined) {
    const noun = deaths.length === 1 ? 'worker process' : 'worker processes';
    reasons.push(`${deaths.length} ${noun} died (${describeExit(deaths[0])})`);
  }
  check(connections.failed, 'client', 'clients', ` could not connect (${why})`);
  const away = connections.opened - connections.active;
  check(away, 'client', 'clients', ` did not come back after a lost connection (${why})`);
  check(messages.lost, 'event was lost', 'events were lost');
  const gone = ' missed while disconnected and not recovered';
  check(messages.unrecovered, 'event was', 'events were', gone);
  check(messages.duplicated, 'event was', 'events were', ' received twice');
  check(messages.reordered, 'event was', 'events were', ' received out of order');
  check(messages.unexpected, 'event was', 'events were', ' of channels not subscribed to');
  check(messages.badMessages, 'message', 'messages', ' could not be read');
  check(messages.seqBreaks, 'seq number', 'seq numbers', ' did not follow the one before');
  if (messages.received === 0 && connections.opened > 0) {
    reasons.push('no event was received: is a publisher running on these channels?');
  }
  return reasons;
}

/** The verdict: an interrupted run is neither a pass nor a fail, whatever was found by then. */
export function verdictOf(
  failures: readonly string[],
  interrupted: boolean,
): LoadTestReport['verdict'] {
  if (interrupted) return 'interrupted';
  return failures.length > 0 ? 'fail' : 'pass';
}
