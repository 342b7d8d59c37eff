/** Turns a description of a command into the commander command: flags from the schema, then run. */
import { type Command, Option } from 'commander';
import leven from 'leven';
import { type ExitCode, exitCodes, UsageError } from '../base/errors.ts';
import { describeConfig, type Field } from '../config/describe.ts';
import { type ResolvedConfig, resolveConfig } from '../config/resolve.ts';
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
  readonly arguments: readonly string[];
}

/** A command: which sections it needs, what else it takes, and what it does. */
export interface Definition<S extends Section> {
  /** Sections whose settings become flags; `run` gets these and no others. */
  readonly sections: readonly S[];
  /** Sections that are resolved without becoming flags. */
  readonly quietSections?: readonly S[];
  /** Takes `--json`; the text says what is printed. */
  readonly json?: string;
  readonly examples: readonly string[];
  /** Returns the exit code; nothing means 0. */
  readonly run: (context: CommandContext<S>) => Promise<ExitCode | undefined>;
}

/** Decorates the empty command that the registry made. */
export type Configure = (command: Command, host: Host, onExit: (code: ExitCode) => void) => Command;

/** See {@link Definition}. */
export function defineCommand<const S extends Section>(definition: Definition<S>): Configure {
  const { sections, quietSections = [], json, examples, run } = definition;
  return (command, host, onExit) => {
    const flags = new Map<string, Field>();
    for (const field of describeConfig(sections)) {
      if (field.flag === undefined) continue;
      const option = new Option(`--${field.flag} ${field.value}`.trim(), helpText(field));
      flags.set(option.attributeName(), field);
      command.addOption(option);
    }
    if (json !== undefined) command.option('--json', json);
    const lines = examples.map((line) => `  $ ${line}`).join('\n');
    command.addHelpText('after', `\nExamples:\n${lines}`);
    // Unknown flags join the other complaints, so that one run shows all that is wrong.
    command.allowUnknownOption().allowExcessArguments();
    return command.action(async () => {
      const options = command.optsWithGlobals<Record<string, unknown>>();
      const strays = strayArguments(command);
      const request = {
        sections: [...sections, ...quietSections],
        flags: Object.fromEntries(
          [...flags].map(([key, field]) => [field.path.join('.'), options[key]]),
        ),
        file: options['config'] as string | undefined,
      };
      const reconfigure = () => resolveConfig(request, host);
      const resolved = await reconfigure().catch((error: unknown) => {
        if (!(error instanceof UsageError) || strays.length === 0) throw error;
        throw new UsageError([...strays, error.message].join('\n'), { hint: error.hint });
      });
      if (strays.length > 0) {
        throw new UsageError(strays.join('\n'), { hint: `see \`odin ${pathOf(command)} --help\`` });
      }
      for (const warning of resolved.warnings) host.stderr.write(`warning: ${warning}\n`);
      const { config } = resolved;
      const isJson = options['json'] === true;
      onExit(
        (await run({ config, resolved, reconfigure, host, isJson, arguments: command.args })) ??
          exitCodes.ok,
      );
    });
  };
}

function strayArguments(command: Command): string[] {
  const flags = command.args.filter((argument) => argument.startsWith('-') && argument !== '-');
  if (flags.length === 0) return command.args.map((argument) => `unexpected argument: ${argument}`);
  return flags.map((flag) => `${flag.split('=')[0]}: unknown flag${suggestion(flag, command)}`);
}

function suggestion(flag: string, command: Command): string {
  const name = flag.replace(/^-+/, '').split('=')[0] ?? '';
  const known = command.options.map((option) => option.long?.slice(2) ?? '');
  const near = known.filter((option) => option.startsWith(name) || leven(option, name) <= 2);
  return near.length > 0 ? `, did you mean --${near[0]}?` : '';
}

function pathOf(command: Command): string {
  const parent = command.parent;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

function helpText({ description, default: value, env }: Field): string {
  const shown = value === undefined || value === false ? '' : ` (default ${value})`;
  return `${description}${shown} [${env}]`;
}
