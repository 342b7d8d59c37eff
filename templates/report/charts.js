// Draws the charts of a load-test report from the series that the page holds.
const series = JSON.parse(document.getElementById('series').textContent);
const home = document.getElementById('charts');
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const count = (n) => (n == null ? '–' : n.toLocaleString('en', { maximumFractionDigits: 1 }));
const ms = (n) =>
  n == null ? '–' : n >= 1000 ? `${count(n / 1000)} s` : `${+n.toPrecision(3)} ms`;
const percent = (n) => (n == null ? '–' : `${count(n)} %`);
const short = (n) =>
  n >= 1e6
    ? `${+(n / 1e6).toPrecision(3)}M`
    : n >= 1e4
      ? `${+(n / 1e3).toPrecision(3)}k`
      : `${+n.toPrecision(3)}`;

const charts = [
  {
    title: 'Connections',
    format: count,
    lines: [
      ['open', series.active, '--first'],
      ['opened until now', series.opened, '--third'],
      ['could not connect', series.failed, '--second'],
    ],
  },
  {
    title: 'Events per second',
    format: count,
    lines: [['received', series.received, '--first']],
  },
  {
    title: 'Latency of each interval',
    format: ms,
    isLog: true,
    lines: [
      ['p50', series.p50, '--first'],
      ['p99', series.p99, '--second'],
    ],
  },
  {
    title: 'Errors',
    format: count,
    lines: [
      ['errors per second', series.errors, '--second'],
      ['events lost until now', series.lost, '--fourth'],
    ],
  },
  {
    title: 'Generator: CPU of the busiest worker',
    format: percent,
    lines: [['CPU', series.cpu, '--fourth']],
  },
  {
    title: 'Generator: loop delay p99',
    format: ms,
    lines: [['loop delay', series.loopDelay, '--fourth']],
  },
];

// A stage begins at its mark. Names that there is no room for are left out, lines are not.
function drawMarks(plot) {
  const { ctx, bbox } = plot;
  const right = bbox.left + bbox.width;
  const gap = 4 * devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = colour('--faint');
  ctx.fillStyle = colour('--faint');
  ctx.textAlign = 'left';
  ctx.setLineDash([4, 4]);
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  const begins = series.marks.map(({ second }) =>
    Math.max(bbox.left, Math.round(plot.valToPos(second, 'x', true))),
  );
  for (const [at, { name }] of series.marks.entries()) {
    const x = begins[at];
    if (x > right) break;
    if (x > bbox.left + gap) {
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    const end = Math.min(right, begins[at + 1] ?? right);
    const hasRoom = x + gap + ctx.measureText(name).width <= end;
    if (hasRoom) ctx.fillText(name, x + gap, bbox.top - 5 * devicePixelRatio);
  }
  ctx.restore();
}

function optionsOf(chart, width) {
  const axis = {
    stroke: colour('--faint'),
    grid: { stroke: colour('--rule'), width: 1 },
    ticks: { stroke: colour('--rule'), width: 1 },
  };
  const values = chart.lines.flatMap(([, points]) => points.filter((point) => point != null));
  const isLog = chart.isLog && values.length > 0 && values.every((value) => value > 0);
  const highest = Math.max(...values, 0) || 1;
  return {
    width,
    height: 220,
    padding: [20, 14, 0, 0],
    scales: {
      x: { time: false },
      y: isLog ? { distr: 3 } : { range: [0, highest * 1.08] },
    },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => `${tick} s`) },
      {
        ...axis,
        size: 64,
        values: (_plot, ticks) =>
          ticks.map((tick) =>
            tick == null ? '' : chart.format === count ? short(tick) : chart.format(tick),
          ),
      },
    ],
    series: [
      { label: '', value: (_plot, value) => (value == null ? '' : `at ${value.toFixed(1)} s`) },
      ...chart.lines.map(([label, points, name]) => ({
        label,
        stroke: colour(name),
        width: 2,
        points: { show: points.length < 3 },
        // Without a cursor there is nothing to tell of.
        value: (_plot, value, _series, at) => (at == null ? '' : chart.format(value)),
      })),
    ],
    cursor: { sync: { key: 'run' } },
    hooks: { draw: [drawMarks] },
  };
}

function hasCourse({ lines }) {
  return lines.some(([, points]) => points.filter((point) => point != null).length > 1);
}

function noteOf(text) {
  const note = document.createElement('p');
  note.className = 'note';
  note.textContent = text;
  return note;
}

let plots = [];
function draw() {
  for (const { plot } of plots) plot.destroy();
  home.replaceChildren();
  if (!charts.some(hasCourse)) {
    plots = [];
    return home.append(noteOf('Too little was measured for charts.'));
  }
  plots = charts.flatMap((chart) => {
    const figure = document.createElement('figure');
    const title = document.createElement('h2');
    title.textContent = chart.title;
    figure.append(title);
    home.append(figure);
    if (!hasCourse(chart)) {
      figure.append(noteOf('Nothing was measured, or once only.'));
      return [];
    }
    const data = [series.seconds, ...chart.lines.map(([, points]) => points)];
    const plot = new uPlot(optionsOf(chart, figure.clientWidth), data, figure);
    plot.root.setAttribute('role', 'img');
    plot.root.setAttribute('aria-label', `${chart.title} over time`);
    return [{ figure, plot }];
  });
}

draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
new ResizeObserver(() => {
  for (const { figure, plot } of plots) {
    if (figure.clientWidth !== plot.width) plot.setSize({ width: figure.clientWidth, height: 220 });
  }
}).observe(home);
