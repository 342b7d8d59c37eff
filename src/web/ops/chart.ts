/** Chart: lines over the last ten minutes, with their values now, or where one points. */
import uPlot from 'uplot';
import { element, say } from '../dom.ts';
import { clock } from '../numbers.ts';
import { type Silence, type StatusSample, timeSpan } from './status-sample.ts';

/** One line. */
export interface Line {
  readonly name: string;
  /** A custom property of the style sheet: `--first`. */
  readonly colour: string;
  readonly value: (sample: StatusSample) => number | null;
}

/** What a chart shows. */
export interface ChartPlan {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly format: (value: number | null | undefined) => string;
}

type Samples = readonly (StatusSample | Silence)[];

/** Cursors of all charts move together. */
const sync = uPlot.sync('ops');
const heightPx = 170;
/** Steps between the marks of an axis: whole ones. */
const steps = Array.from({ length: 13 }, (_, power) =>
  [1, 2, 5].map((n) => n * 10 ** power),
).flat();

function colourOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draws itself anew when its place or the colours change. */
export class Chart {
  readonly element: HTMLElement;
  readonly #plan: ChartPlan;
  readonly #values: readonly HTMLElement[];
  readonly #plot: uPlot;
  #samples: Samples = [];

  constructor(plan: ChartPlan) {
    this.#plan = plan;
    this.#values = plan.lines.map(() => element('b'));
    const legend = plan.lines.map(({ name, colour }, at) => {
      const item = element('li', '', { text: `${name} ` });
      item.append(this.#values[at] as HTMLElement);
      item.style.setProperty('--line', `var(${colour})`);
      return item;
    });
    const place = element('div', 'plot', { attributes: { 'aria-hidden': 'true' } });
    this.element = element('section', 'chart', {
      children: [
        element('h2', '', { text: plan.title }),
        element('ul', 'legend', { children: legend }),
        place,
      ],
    });
    this.#plot = new uPlot(this.#options(), [[], ...plan.lines.map(() => [])], place);
    const sizes = new ResizeObserver(() => {
      if (place.clientWidth > 0) this.#plot.setSize({ width: place.clientWidth, height: heightPx });
    });
    sizes.observe(place);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#plot.redraw(false, true);
    });
  }

  /** Shows these samples, oldest first. */
  show(samples: Samples): void {
    this.#samples = samples;
    const seconds = samples.map(({ ms }) => ms / 1_000);
    const columns = this.#plan.lines.map(({ value }) => samples.map((one) => read(one, value)));
    this.#plot.setData([seconds, ...columns]);
    this.#showValues();
  }

  /** In the legend: the values where the cursor is, else the newest. */
  #showValues(): void {
    const at = this.#plot.cursor.idx ?? this.#samples.length - 1;
    const sample = this.#samples[at];
    for (const [line, { value }] of this.#plan.lines.entries()) {
      const text = this.#plan.format(sample && read(sample, value));
      say(this.#values[line] as HTMLElement, text);
    }
  }

  #options(): uPlot.Options {
    const { lines, format } = this.#plan;
    const axis = {
      stroke: () => colourOf('--faint'),
      grid: { stroke: () => colourOf('--rule'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    return {
      width: 360,
      height: heightPx,
      padding: [8, 28, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: sync.key }, drag: { x: false, y: false }, y: false },
      scales: {
        // By itself, a day is shown of a single sample.
        x: { range: () => timeSpan(this.#samples) },
        y: { range: (_plot, _least, most) => [0, Math.max(most * 1.08, 1)] },
      },
      axes: [
        { ...axis, size: 28, space: 90, values: (_plot, at) => at.map((s) => clock(s * 1_000)) },
        {
          ...axis,
          size: 62,
          space: 34,
          incrs: steps,
          values: (_plot, at) => at.map((value) => format(value)),
        },
      ],
      series: [
        {},
        ...lines.map(({ name, colour }) => ({
          label: name,
          stroke: () => colourOf(colour),
          width: 1.6,
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [() => this.#plot !== undefined && this.#showValues()] },
    };
  }
}

function read(sample: StatusSample | Silence, value: Line['value']): number | null {
  return sample.report === undefined ? null : value(sample);
}
