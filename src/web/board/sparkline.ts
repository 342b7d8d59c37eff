/** Sparkline: the line of a token's price over the last two minutes. */
import { shape } from '../dom.ts';
import { type PricePoint, sparkMs } from './token-book.ts';

const width = 200;
const height = 40;

/** Draws into an SVG of its own; it is decoration, since price and change stand beside it. */
export class Sparkline {
  readonly element = shape('svg', 'spark');
  readonly #line = shape('path', 'line');
  readonly #area = shape('path', 'area');

  constructor() {
    this.element.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.element.setAttribute('preserveAspectRatio', 'none');
    this.element.setAttribute('aria-hidden', 'true');
    this.element.append(this.#area, this.#line);
  }

  /** Its colour tells whether the price is above or below where the line begins. */
  draw(points: readonly PricePoint[]): void {
    const step = (points.at(-1)?.price ?? 0) - (points[0]?.price ?? 0);
    this.element.dataset['way'] = step === 0 ? '' : step > 0 ? 'up' : 'down';
    const line = lineOf(points);
    this.#line.setAttribute('d', line);
    this.#area.setAttribute('d', line === '' ? '' : `${line}V${height}H0Z`);
  }
}

/** The path of the prices, newest at the right edge; empty while there is none. */
function lineOf(points: readonly PricePoint[]): string {
  const newest = points.at(-1);
  const oldest = points[0];
  if (newest === undefined || oldest === undefined) return '';
  const prices = points.map(({ price }) => price);
  const [lowest, highest] = [Math.min(...prices), Math.max(...prices)];
  // A price that hardly moves is drawn as such, in the middle.
  const span = Math.max(highest - lowest, Math.abs(highest) * 1e-4, Number.MIN_VALUE);
  const middle = (highest + lowest) / 2;
  // Young lines take the whole width, too.
  const spanMs = Math.min(sparkMs, Math.max(newest.ms - oldest.ms, 1));
  const place = ({ ms, price }: PricePoint) => {
    const x = Math.max(0, width * (1 - (newest.ms - ms) / spanMs));
    const y = height / 2 - ((price - middle) / span) * (height - 4);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  if (points.length === 1) return `M0 ${height / 2}H${width}`;
  return `M${points.map(place).join('L')}`;
}
