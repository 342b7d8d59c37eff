/** One figure for several runs, and how far they are apart by themselves. */

/** From so many runs on, one that was disturbed is told from the others. */
const minForMedian = 3;

/** Of one run its figure, of two their mean, of more their median, which no single one moves far. */
export function centreOf(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  if (sorted.length < minForMedian) return meanOf(sorted);
  const half = (sorted.length - 1) / 2;
  return meanOf([sorted[Math.floor(half)] as number, sorted[Math.ceil(half)] as number]);
}

/**
 * How much runs of one side differ from each other, in percent of the least; of three or more
 * without the one that is farthest off.
 */
export function spreadOf(figures: readonly number[]): number {
  const centre = centreOf(figures);
  const byDistance = figures.toSorted((a, b) => Math.abs(a - centre) - Math.abs(b - centre));
  const kept = figures.length < minForMedian ? figures : byDistance.slice(0, -1);
  const least = Math.min(...kept);
  return least > 0 ? 100 * (Math.max(...kept) / least - 1) : 0;
}

function meanOf(figures: readonly number[]): number {
  return figures.reduce((sum, figure) => sum + figure, 0) / figures.length;
}
