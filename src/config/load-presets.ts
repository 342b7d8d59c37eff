/** Load tests that have a name: the sizes that odin's forerunner was tested with. */

interface Preset {
  /** What it is for, for the documentation. */
  readonly purpose: string;
  /** Settings of section `loadtest`, as a file would have them. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const preset = (purpose: string, settings: Preset['settings']): Preset => ({ purpose, settings });

/** Every preset by its name. They fill in what is given nowhere else. */
export const loadPresets = {
  light: preset('a first look', { connections: 100, durationMs: '30s' }),
  medium: preset('a short check', { connections: 500, durationMs: '1m' }),
  heavy: preset('what one process should stand', { connections: 2_000, durationMs: '2m' }),
  capacity: preset('as many clients as a machine is planned for', {
    connections: 12_000,
    rampRate: 100,
    durationMs: '30m',
  }),
  sustained: preset('the same for an hour: does anything grow?', {
    connections: 12_000,
    rampRate: 100,
    durationMs: '1h',
  }),
  stress: preset('half as many again, twice as fast', {
    connections: 18_000,
    rampRate: 200,
    durationMs: '30m',
  }),
  realistic: preset('a few hundred clients of different interests', {
    connections: 300,
    durationMs: '5m',
    mix: ['trader=70', 'dashboard=20', 'social=10'],
  }),
  throughput: preset('few clients that want every event', {
    connections: 500,
    durationMs: '5m',
    channels: ['*'],
  }),
} as const satisfies Record<string, Preset>;

/** Names of {@link loadPresets}. */
export const loadPresetNames = Object.keys(loadPresets) as (keyof typeof loadPresets)[];
