/** The rules of the house, as a test: who may import whom, what may touch the process, sizes. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { expect, test } from 'vitest';

const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  host: ['base'],
  events: ['base'],
  config: ['base', 'host', 'events'],
  protocol: ['base', 'events'],
  broker: ['base', 'host', 'config', 'events'],
  server: ['base', 'host', 'config', 'events', 'protocol', 'broker'],
  publisher: ['base', 'host', 'config', 'events', 'broker'],
  loadtest: ['base', 'host', 'config', 'events', 'protocol'],
  bridge: ['base', 'host', 'config', 'events', 'broker'],
  client: ['events', 'protocol'],
  tui: ['base', 'protocol'],
  watch: ['base', 'host', 'protocol', 'tui'],
  web: ['base', 'events', 'protocol', 'client'],
  commands: [
    'base',
    'host',
    'config',
    'events',
    'protocol',
    'broker',
    'server',
    'publisher',
    'loadtest',
    'bridge',
    'tui',
    'watch',
  ],
  '.': ['base', 'host', 'commands'],
};

/** Packages with one home each, so that a change of library is a change of one place. */
const homes: readonly [RegExp, RegExp][] = [
  [/^commander$/, /^(cli\.ts|commands\/)/],
  [/^zod$/, /^(config\/|events\/payloads|loadtest\/reports\/\w+-schema)/],
  [/^pino/, /^host\/log\.ts/],
  [/^ws$/, /^server\//],
  [/^jose$/, /^server\/security\//],
  [/^kafkajs/, /^broker\/kafka\//],
  [/^@nats-io\//, /^broker\/nats\//],
  [/^prom-client$/, /^(server|publisher|loadtest)\//],
  [/^node:(child_process|process)$/, /^host\//],
  // The SDK runs in browsers, and brings nothing along.
  [/^(?!react$|\.)/, /^(?!client\/)/],
  [/^(react|chalk)$/, /^(client\/react\.ts|tui\/|web\/)/],
  [/^ink$/, /^tui\//],
];

const banned: readonly [pattern: RegExp, allowedIn: RegExp, why: string][] = [
  [/\bprocess\.(?!memoryUsage|hrtime)\w+/, /^(host\/|main\.ts)/, 'the process belongs to src/host'],
  [/\bconsole\.\w+\(/, /$^/, 'results go to host.stdout, the rest to the log'],
  [/^export default/m, /$^/, 'named exports only'],
  [/^export \* from/m, /$^/, 'no barrels: name what is exported'],
  [/\b(TODO|FIXME|XXX|HACK)\b/, /$^/, 'finish it before it lands'],
];

/** What is started, or imported from outside. */
const entries = [
  'main.ts',
  'loadtest/workers/worker.ts',
  'server/multi/shard/shard.ts',
  'client/index.ts',
  'client/react.ts',
  'web/board.ts',
  'web/ops.ts',
];

const maxFileLines = 300;
const maxFunctionLines = 70;

const sources = new Map(
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name))
    .map((name) => [name, readFileSync(`src/${name}`, 'utf8')]),
);

const folderOf = (name: string) => (name.includes('/') ? name.split('/')[0]! : '.');

interface Import {
  readonly from: string;
  readonly isType: boolean;
  readonly isLazy: boolean;
}

function importsOf(text: string): Import[] {
  const statements = text.matchAll(
    /^(?:import|export)(?<type> type)? [^;]*?from '(?<from>[^']+)'|import\('(?<lazy>[^']+)'\)/gm,
  );
  return [...statements].map(({ groups }) => ({
    from: (groups?.['from'] ?? groups?.['lazy'])!,
    isType: groups?.['type'] !== undefined,
    isLazy: groups?.['lazy'] !== undefined,
  }));
}

const resolve = (name: string, from: string) => posix.join(posix.dirname(name), from);

function complain(check: (name: string, text: string) => readonly string[]): string[] {
  return [...sources].flatMap(([name, text]) => check(name, text).map((why) => `${name}: ${why}`));
}

test('folders import only what is below them', () => {
  const complaints = complain((name, text) =>
    importsOf(text)
      .filter(({ from }) => from.startsWith('.'))
      .map(({ from }) => folderOf(resolve(name, from)))
      .filter((other) => other !== folderOf(name) && !layers[folderOf(name)]?.includes(other))
      .map((other) => `${folderOf(name)} may not import ${other}`),
  );
  expect(complaints).toEqual([]);
});

test('commands load engines lazily', () => {
  const engines = /\/(server|publisher|loadtest|broker|bridge|tui|watch)\//;
  const pure = /\/(loadtest\/(live\/progress|results\/report)|publisher\/publisher-status)\.ts$/;
  const complaints = complain((name, text) =>
    folderOf(name) !== 'commands'
      ? []
      : importsOf(text)
          .filter(
            ({ from, isType, isLazy }) =>
              !isType && !isLazy && engines.test(from) && !pure.test(from),
          )
          .map(({ from }) => `${from} must be loaded by import() inside run`),
  );
  expect(complaints).toEqual([]);
});

test('each package has its home', () => {
  const complaints = complain((name, text) =>
    importsOf(text).flatMap(({ from }) =>
      homes
        .filter(([pack, home]) => pack.test(from) && !home.test(name))
        .map(() => `${from} does not belong here`),
    ),
  );
  expect(complaints).toEqual([]);
});

test('nothing banned, no long files, each file says what it is', () => {
  const complaints = complain((name, text) => [
    ...banned
      .filter(([pattern, allowed]) => pattern.test(withoutComments(text)) && !allowed.test(name))
      .map(([, , why]) => why),
    ...(text.split('\n').length > maxFileLines ? [`more than ${maxFileLines} lines`] : []),
    ...(/^\/\*\*( |\n)/.test(text) || name === 'main.ts' ? [] : ['does not open with a sentence']),
  ]);
  expect(complaints).toEqual([]);
});

test('no function is longer than a page', () => {
  const complaints = complain((_name, text) => {
    const lines = text.split('\n');
    return lines.flatMap((line, start) => {
      const indent =
        /^( *)(?:export )?(?:async )?(?:function\*? \w|(?:static |async |get |set |#)*[#\w]+\(.*\{$)/.exec(
          line,
        )?.[1];
      if (indent === undefined) return [];
      const end = lines.findIndex((later, at) => at > start && later.startsWith(`${indent}}`));
      return end - start >= maxFunctionLines ? [`line ${start + 1}: ${end - start + 1} lines`] : [];
    });
  });
  expect(complaints).toEqual([]);
});

test('every export says what it is', () => {
  const complaints = complain((_name, text) => {
    const lines = text.split('\n');
    return lines.flatMap((line, at) => {
      const isExport = /^export (?!type \{|\{)/.test(line);
      return isExport && !/\*\/$/.test(lines[at - 1] ?? '')
        ? [`line ${at + 1}: no doc comment`]
        : [];
    });
  });
  expect(complaints).toEqual([]);
});

/** Where a walk along imports from `starts` came back to where it had been; `reached` gets all files. */
function circles(
  starts: readonly string[],
  isFollowed: (name: string, to: Import) => boolean,
  reached = new Set<string>(),
): string[] {
  const visit = (name: string, trail: readonly string[]): string[] => {
    if (trail.includes(name)) return [[...trail.slice(trail.indexOf(name)), name].join(' → ')];
    if (reached.has(name)) return [];
    reached.add(name);
    return importsOf(sources.get(name) ?? '')
      .filter((to) => to.from.startsWith('.') && isFollowed(name, to))
      .flatMap(({ from }) => visit(resolve(name, from), [...trail, name]));
  };
  return starts.flatMap((start) => visit(start, []));
}

test('no import cycles and no dead files', () => {
  const reached = new Set<string>();
  expect(circles(entries, (_name, { isType }) => !isType, reached)).toEqual([]);
  const hasCode = (name: string) =>
    /^export (async )?(function|const|class|let)/m.test(sources.get(name)!);
  expect([...sources.keys()].filter((name) => !reached.has(name) && hasCode(name))).toEqual([]);
});

test('nor do types go round in circles', () => {
  expect(circles([...sources.keys()], () => true)).toEqual([]);
});

test('what runs once per core of a load test does not load the configuration schema', () => {
  const reached = new Set<string>();
  const visit = (name: string) => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const { from, isType } of importsOf(sources.get(name)!)) {
      if (!isType && from.startsWith('.')) visit(resolve(name, from));
    }
  };
  visit('loadtest/workers/worker.ts');
  const schemas = [...reached].filter((name) => /from 'zod'/.test(sources.get(name)!));
  expect(schemas, 'it takes 14 MiB of each worker').toEqual([]);
});

test('the lock file holds nothing deprecated and a hash for everything', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { deprecated?: string; integrity?: string; version: string }>;
  };
  const complaints = Object.entries(packages).flatMap(([path, entry]) => [
    ...(entry.deprecated === undefined ? [] : [`${path} is deprecated: ${entry.deprecated}`]),
    ...(path === '' || entry.integrity !== undefined ? [] : [`${path} has no integrity`]),
  ]);
  expect(complaints).toEqual([]);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}
