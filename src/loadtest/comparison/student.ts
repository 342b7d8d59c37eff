/** Student's t distribution: how wide an interval from few values has to be. */

/** Share of the distribution within ±`t`, for whole degrees of freedom (Abramowitz & Stegun 26.7). */
export function studentWithin(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let n = isOdd ? 3 : 2; n <= degrees - 2; n += 2) {
    term *= ((n - 1) / n) * cosine ** 2;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}

/** The `t` for which ±`t` holds `share` (0–1) of the distribution. */
export function studentQuantile(share: number, degrees: number): number {
  let [low, high] = [0, 1];
  while (studentWithin(high, degrees) < share && high < 1e6) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (studentWithin(middle, degrees) < share) low = middle;
    else high = middle;
  }
  return high;
}
