/** Turns a description of a command into the commander command: flags from the schema, then run. */
import { type Command, Option } from 'commander';
import leven from 'leven';
import { type ExitCode, exitCodes, UsageError } from '../base/errors.ts';
import { describeConfig, type Field } from '../config/describe.ts';
import { emptyFlag, type ResolvedConfig, resolveConfig } from '../config/resolve.ts';
import type { Config, Section } from '../config/schema.ts';
import type { Host } from '../host/host.ts';

/** What `run` is given. */
export interface CommandContext<S extends Section> {
  readonly config: Pick<Config, S>;
  readonly resolved: ResolvedConfig;
  /**
   * Resolves the configuration anew: the same flags and environment, and the files as they are now.
   * Throws a UsageError as at the start.
   */
  readonly reconfigure: () => Promise<ResolvedConfig>;
  readonly host: Host;
  /** Whether `--json` was given. */
  readonly isJson: boolean;
  /** What was given beside flags: as many as the definition asks for. */
  readonly operands: readonly string[];
  /** Values of {@link Definition.callFlags} that were given, by name. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

/** A flag that is no setting: it makes sense in one call only. May be given several times. */
export interface CallFlag {
  /** Without the dashes. */
  readonly name: string;
  /** `<file,…>`; a toggle has none. */
  readonly value?: string;
  readonly description: string;
}

/** A command: which sections it needs, what else it takes, and what it does. */
export interface Definition<S extends Section> {
  /** Sections whose settings become flags; `run` gets these and no others. */
  readonly sections: readonly S[];
  /** Sections that are resolved without becoming flags. */
  readonly quietSections?: readonly S[];
  /** Settings of these sections that this command has no use for: paths, or what stands before a dot in them. */
  readonly omit?: readonly string[];
  /** Takes `--json`; the text says what is printed. */
  readonly json?: string;
  /** Names of what is given beside flags; each must be, and the last may end in `…` for several. */
  readonly operands?: readonly string[];
  readonly callFlags?: readonly CallFlag[];
  readonly examples: readonly string[];
  /** Returns the exit code; nothing means 0. */
  readonly run: (context: CommandContext<S>) => Promise<ExitCode | undefined>;
}

/** Decorates the empty command that the registry made. */
export type Configure = (command: Command, host: Host, onExit: (code: ExitCode) => void) => Command;

/** See {@link Definition}. */
export function defineCommand<const S extends Section>(definition: Definition<S>): Configure {
  const { sections, quietSections = [], examples, run } = definition;
  const { operands: operandNames = [], callFlags = [] } = definition;
  return (command, host, onExit) => {
    const flags = addFlags(command, definition);
    if (operandNames.length > 0) {
      command.usage(`[options] ${operandNames.map((name) => `<${name}>`).join(' ')}`);
    }
    const lines = examples.map((line) => `  $ ${line}`).join('\n');
    command.addHelpText('after', `\nExamples:\n${lines}`);
    command.showHelpAfterError(`hint: see \`odin ${pathOf(command)} --help\``);
    // Unknown flags join the other complaints, so that one run shows all that is wrong.
    command.allowUnknownOption().allowExcessArguments();
    return command.action(async () => {
      const options = command.optsWithGlobals<Record<string, unknown>>();
      const flagValues = new Map(
        callFlags.flatMap(({ name }) => {
          const value = options[new Option(`--${name}`).attributeName()];
          return value === undefined ? [] : [[name, [value].flat().map(String)] as const];
        }),
      );
      const strays = [
        ...strayArguments(command, operandNames),
        ...emptyFlags(callFlags, flagValues),
      ];
      const request = {
        sections: [...sections, ...quietSections],
        flags: Object.fromEntries(
          [...flags].map(([key, field]) => [field.path.join('.'), options[key]]),
        ),
        file: options['config'] as string | undefined,
      };
      const mustHold = new Set<string>();
      const reconfigure = async () => {
        const next = await resolveConfig({ ...request, mustHold }, host);
        for (const origin of next.origins.values()) {
          if (origin === next.file) mustHold.add(origin);
          else if (origin.startsWith('.env: ')) mustHold.add('.env');
        }
        return next;
      };
      const resolved = await reconfigure().catch((error: unknown) => {
        if (!(error instanceof UsageError) || strays.length === 0) throw error;
        throw new UsageError([...strays, error.message].join('\n'), { hint: error.hint });
      });
      if (strays.length > 0) {
        const hints = [
          ...repetitions(callFlags, flagValues, strays),
          `see \`odin ${pathOf(command)} --help\``,
        ];
        throw new UsageError(strays.join('\n'), { hint: hints.join('\n') });
      }
      for (const warning of resolved.warnings) host.stderr.write(`warning: ${warning}\n`);
      const { config } = resolved;
      const isJson = options['json'] === true;
      const given = { operands: command.args, flags: flagValues };
      onExit(
        (await run({ config, resolved, reconfigure, host, isJson, ...given })) ?? exitCodes.ok,
      );
    });
  };
}

/** Adds all that `definition` takes; returns the settings by the names under which commander has them. */
function addFlags<S extends Section>(
  command: Command,
  { sections, omit = [], callFlags = [], json }: Definition<S>,
): ReadonlyMap<string, Field> {
  const flags = new Map<string, Field>();
  const settings = describeConfig(sections).filter(
    (field) => field.flag !== undefined && !isOmitted(field, omit),
  );
  const add = (field: Field) => {
    const option = settingOption(field);
    flags.set(option.attributeName(), field);
    command.addOption(option);
  };
  // Help lists groups in the order of their first flags: its own come before those.
  for (const field of settings) if (field.group === undefined) add(field);
  for (const flag of callFlags) command.addOption(callOption(flag));
  if (json !== undefined) command.option('--json', json);
  for (const field of settings) if (field.group !== undefined) add(field);
  return flags;
}

function isOmitted({ path }: Field, omit: readonly string[]): boolean {
  const name = path.join('.');
  return omit.some((one) => name === one || name.startsWith(`${one}.`));
}

function settingOption(field: Field): Option {
  const option = new Option(`--${field.flag} ${field.value}`.trim(), helpText(field));
  if (field.group !== undefined) option.helpGroup(`${field.group}:`);
  return field.value.endsWith(',…>') ? option.argParser(joined) : option;
}

/** A list may be given in one flag or in several. */
function joined(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before},${value}`;
}

function callOption({ name, value, description }: CallFlag): Option {
  const option = new Option(`--${name} ${value ?? ''}`.trim(), description);
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  return value === undefined ? option : option.argParser<readonly string[]>(collect);
}

function emptyFlags(
  callFlags: readonly CallFlag[],
  given: ReadonlyMap<string, readonly string[]>,
): string[] {
  return callFlags
    .filter(({ name }) => given.get(name)?.includes(''))
    .map(({ name, value = '' }) => emptyFlag(name, value));
}

/** Flags of a call take one value each, as what follows may be an operand; others take several. */
function repetitions(
  callFlags: readonly CallFlag[],
  given: ReadonlyMap<string, unknown>,
  strays: readonly string[],
): string[] {
  if (!strays.some((stray) => stray.startsWith('unexpected argument'))) return [];
  return callFlags
    .filter(({ name, value }) => value !== undefined && given.has(name))
    .map(
      ({ name, value }) =>
        `several in --${name}? repeat it for each: --${name} ${value} --${name} ${value}`,
    );
}

function strayArguments(command: Command, operandNames: readonly string[]): string[] {
  const flags = [
    ...command.args.filter((argument) => argument.startsWith('-') && argument !== '-'),
    ...flagsOfParent(command),
  ];
  if (flags.length === 0) {
    const takesMore = operandNames.at(-1)?.endsWith('…') === true;
    const excess = takesMore ? [] : command.args.slice(operandNames.length);
    const missing = operandNames.slice(command.args.length);
    return [
      ...excess.map(
        (argument) => `unexpected argument: ${argument}${commandLike(argument, command)}`,
      ),
      ...missing.map((name) => `missing: <${name}>`),
    ];
  }
  return flags.map((flag) => {
    const [name = '', value] = flag.split('=');
    // Commander leaves a toggle that is given a value among the unknown ones.
    const isToggle = value !== undefined && command.options.some(({ long }) => long === name);
    return `${name}: ${isToggle ? 'takes no value' : `unknown flag${suggestion(flag, command)}`}`;
  });
}

function commandLike(argument: string, command: Command): string {
  const near = command.commands.find((known) => leven(known.name(), argument) <= 2);
  return near === undefined ? '' : `, did you mean \`odin ${pathOf(near)}\`?`;
}

/** Commander takes flags of a command that has subcommands wherever they stand. */
function flagsOfParent(command: Command): string[] {
  const { parent } = command;
  if (!parent?.parent) return [];
  const own = new Set(command.options.map(({ long }) => long));
  return parent.options
    .filter((option) => parent.getOptionValueSource(option.attributeName()) === 'cli')
    .flatMap(({ long }) => (long === undefined || long === null || own.has(long) ? [] : [long]));
}

function suggestion(flag: string, command: Command): string {
  const name = flag.replace(/^-+/, '');
  const known = command.options.map((option) => option.long?.slice(2) ?? '');
  const near = known.filter((option) => option.startsWith(name) || leven(option, name) <= 2);
  return near.length > 0 ? `, did you mean --${near[0]}?` : '';
}

function pathOf(command: Command): string {
  const parent = command.parent;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

function helpText({ description, default: value, env }: Field): string {
  const shown = value === undefined || value === false || value === '' ? '' : ` (default ${value})`;
  return `${description}${shown} [${env}]`;
}
