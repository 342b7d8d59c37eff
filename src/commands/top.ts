/** `odin top`: servers, publisher and load test, live in the terminal. */
import { type ExitCode, exitCodes, UsageError } from '../base/errors.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { write, writeJson, writeLine } from '../host/output.ts';
import { chooseProductionReact } from '../host/react-mode.ts';
import { keepHeapSmall } from '../host/small-heap.ts';
import { holdWarnings } from '../host/warnings.ts';
import type { FleetSnapshot } from '../protocol/fleet-snapshot.ts';
import type { FleetFigures } from '../tui/fleet-figures.ts';
import type { TabName } from '../tui/keymap.ts';
import type { TopSource } from '../tui/top-view.tsx';
import { type CommandContext, defineCommand } from './define-command.ts';
import { requireAnswer, watchOptions } from './watching.ts';

/** See the file's first line. */
export const top = defineCommand({
  sections: ['top'],
  quietSections: ['server'],
  callFlags: [
    {
      name: 'tab',
      value: '<name>',
      description: 'what to show first: overview, shards, channels, …',
    },
    { name: 'once', description: 'print one look as text and end' },
    { name: 'batch', description: 'print a look each interval, as text' },
    {
      name: 'record',
      value: '<file>',
      description: 'write every look to a file, to be shown again',
    },
    {
      name: 'replay',
      value: '<file>',
      description: 'show a recording instead of what is there; with --once its last look',
    },
  ],
  json: 'print looks as JSON, one in a line; with --once a single one',
  examples: [
    'odin top',
    'odin top --url http://10.0.0.5:3004 --url http://10.0.0.6:3004',
    'odin top --once --tab channels',
    'odin top --record night.ndjson',
    'odin top --replay night.ndjson',
    'odin top --replay night.ndjson --once --tab channels',
  ],
  async run(context) {
    const { config, host, isJson, flags } = context;
    refuseContradictions(context);
    const tab = await tabOf(flags);
    const replay = flags.get('replay')?.at(-1);
    const isText = isJson || flags.has('once') || flags.has('batch');
    if (isText) {
      return replay === undefined ? await print(context, tab) : await reprint(context, tab, replay);
    }
    if (replay !== undefined) await showRecording(host, tab, replay);
    else await showLive(config, host, tab, flags.get('record')?.at(-1));
    return undefined;
  },
});

type Flags = CommandContext<'top'>['flags'];
type TopConfig = Pick<Config, 'top' | 'server'>;

/** Each alone makes sense. */
const exclusions = [
  ['once', 'batch', 'either one look is printed, or one each interval'],
  ['record', 'replay', 'what is shown is recorded already'],
] as const;

/** Of two flags that say otherwise none wins, and none is ignored in silence. */
function refuseContradictions({
  flags,
  resolved,
}: {
  readonly flags: Flags;
  readonly resolved: Pick<ResolvedConfig, 'origins'>;
}): void {
  const complaints = exclusions
    .filter(([one, other]) => flags.has(one) && flags.has(other))
    .map(([one, other, why]) => `--${one} and --${other} exclude each other: ${why}`);
  if (flags.has('replay')) {
    // What the file or the environment say is meant for what is watched live.
    const idle = [...resolved.origins]
      .filter(([path, origin]) => path.startsWith('top.') && origin.startsWith('--'))
      .map(([, origin]) => `${origin} does nothing with --replay: a recording is shown as it is`);
    complaints.push(...idle);
  }
  if (complaints.length > 0) throw new UsageError(complaints.join('\n'));
}

async function tabOf(flags: Flags): Promise<TabName> {
  const { isTab, tabs } = await import('../tui/keymap.ts');
  const name = flags.get('tab')?.at(-1) ?? 'overview';
  if (isTab(name)) return name;
  throw new UsageError(`--tab: there is no "${name}"`, { hint: `it is one of ${tabs.join(', ')}` });
}

function requireTerminal({ stdin, stdout }: Host): void {
  const missing = stdout.isTTY !== true ? 'output' : stdin.isTTY !== true ? 'input' : undefined;
  if (missing === undefined) return;
  throw new UsageError(`odin top needs a terminal, and standard ${missing} is none`, {
    hint: '--once prints one look, --batch one each interval, --json both as JSON',
  });
}

/** Looks as text or JSON; of a single one, at least one node must answer. */
async function print(
  { config, host, isJson, flags }: CommandContext<'top' | 'server'>,
  tab: TabName,
): Promise<ExitCode | undefined> {
  const { FleetWatch } = await import('../watch/fleet-watch.ts');
  const { Recorder } = await import('../watch/recorder.ts');
  const { FleetModel } = await import('../tui/fleet-model.ts');
  const { sectionsOf } = await import('../tui/screens/tables.ts');
  const isOnce = flags.has('once');
  const end = new AbortController();
  const signal = AbortSignal.any([host.signal, end.signal]);
  const patience = isOnce ? { patienceMs: 3_000 } : {};
  using watch = new FleetWatch({ ...watchOptions(config, signal), ...patience });
  const path = flags.get('record')?.at(-1);
  await using recorder = path === undefined ? undefined : await Recorder.open(path);
  const model = new FleetModel();
  const show = async (snapshot: FleetSnapshot, looks: number) => {
    await recorder?.write(snapshot);
    const figures = model.take(snapshot);
    if (isOnce) {
      if (looks === 1) await requireAnswer(snapshot, { host, isJson });
      // Rates are what two looks differ in.
      if (looks < 2) return;
      end.abort();
    }
    await printLook({ host, isJson, isOnce, tab }, snapshot, figures);
    // `odin top --batch | head` has had enough.
    if (!host.stdout.writable) end.abort();
  };
  let looks = 0;
  await watch.run(
    () => sectionsOf[tab],
    (snapshot) => show(snapshot, ++looks),
  );
  return isOnce && host.signal.aborted ? exitCodes.interrupted : undefined;
}

/** Looks of a recording as text or JSON: all of them, or the last one. */
async function reprint(
  { host, isJson, flags }: CommandContext<'top' | 'server'>,
  tab: TabName,
  path: string,
): Promise<ExitCode | undefined> {
  const { Recording } = await import('../watch/recording.ts');
  const { FleetModel } = await import('../tui/fleet-model.ts');
  await using recording = await Recording.open(path);
  const isOnce = flags.has('once');
  const last = recording.count - 1;
  const model = new FleetModel();
  // Rates are what two looks differ in.
  for (let index = isOnce ? Math.max(0, last - 1) : 0; index <= last; index++) {
    if (host.signal.aborted) return exitCodes.interrupted;
    if (!host.stdout.writable) return undefined;
    const snapshot = await recording.read(index);
    const figures = model.take(snapshot);
    if (isOnce && index < last) continue;
    if (!isJson) await writeLine(host.stdout, `at ${new Date(snapshot.time_ms).toISOString()}`);
    await printLook({ host, isJson, isOnce, tab }, snapshot, figures);
  }
  return undefined;
}

interface Printing {
  readonly host: Host;
  readonly isJson: boolean;
  /** Whether nothing follows. */
  readonly isOnce: boolean;
  readonly tab: TabName;
}

async function printLook(
  { host, isJson, isOnce, tab }: Printing,
  snapshot: FleetSnapshot,
  figures: FleetFigures,
): Promise<void> {
  const { glyphsFor } = await import('../tui/glyphs.ts');
  const { statusText } = await import('../tui/status-text.ts');
  if (isJson && isOnce) await writeJson(host.stdout, snapshot);
  else if (isJson) await writeLine(host.stdout, JSON.stringify(snapshot));
  else {
    const text = statusText(figures, glyphsFor(host.env), tab);
    await write(host.stdout, `${text}${isOnce ? '' : '\n'}`);
  }
}

async function showLive(
  config: TopConfig,
  host: Host,
  tab: TabName,
  path: string | undefined,
): Promise<void> {
  requireTerminal(host);
  const { FleetWatch } = await import('../watch/fleet-watch.ts');
  const { LiveSource } = await import('../watch/live-source.ts');
  const { Recorder } = await import('../watch/recorder.ts');
  await using recorder = path === undefined ? undefined : await Recorder.open(path);
  const end = new AbortController();
  const signal = AbortSignal.any([host.signal, end.signal]);
  const options = watchOptions(config, signal);
  using watch = new FleetWatch(options);
  const { publisher } = options;
  const source = new LiveSource({ ...{ watch, recorder, publisher, tab, signal } });
  // Whichever ends first ends the other: the terminal is restored before a failure is told.
  const running = source.run().finally(() => end.abort());
  const shown = draw(source, { ...host, signal }, tab).finally(() => end.abort());
  await Promise.all([running, shown]);
}

async function showRecording(host: Host, tab: TabName, path: string): Promise<void> {
  const { Recording } = await import('../watch/recording.ts');
  const { ReplaySource } = await import('../watch/replay-source.ts');
  await using recording = await Recording.open(path);
  // Whatever is wrong with the file, a terminal does not mend.
  requireTerminal(host);
  const end = new AbortController();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => end.abort());
  using source = new ReplaySource(recording, failed.reject);
  source.start();
  const signal = AbortSignal.any([host.signal, end.signal]);
  await draw(source, { ...host, signal }, tab);
  if (end.signal.aborted) await failed.promise;
}

/** Loads what draws, which nothing else needs, and gives it the terminal until somebody leaves. */
async function draw(source: TopSource, host: Host, tab: TabName): Promise<void> {
  keepHeapSmall();
  chooseProductionReact();
  using _ = holdWarnings();
  const { runTop } = await import('../tui/top-session.tsx');
  const { env, hasColor } = host;
  await runTop({ ...{ source, tab, env, hasColor }, terminal: host });
}
