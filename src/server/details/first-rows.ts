/** First rows: those that a list shows of many, without sorting all of them. */
import { type Listing, maxListed } from '../../protocol/status-sections.ts';

/**
 * The first rows in an order, which compares as for `sort`; of equal ones those that come earlier.
 * `leftOut` were left out before.
 */
export function firstRows<Row>(
  all: Iterable<Row>,
  order: (one: Row, other: Row) => number,
  leftOut = 0,
): Listing<Row> {
  const rows: Row[] = [];
  let left_out = leftOut;
  for (const row of all) {
    if (rows.length === maxListed) {
      left_out++;
      if (order(row, rows.at(-1) as Row) >= 0) continue;
      rows.pop();
    }
    let at = rows.length;
    while (at > 0 && order(row, rows[at - 1] as Row) < 0) at--;
    rows.splice(at, 0, row);
  }
  return { rows, left_out };
}
