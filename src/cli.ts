/** From arguments to exit code. Nothing below this file ends the process. */
import { Command, CommanderError } from 'commander';
import {
  type ExitCode,
  exitCodes,
  Interrupted,
  OdinError,
  PreflightError,
  UsageError,
} from './base/errors.ts';
import { terminalLine } from './base/terminal-text.ts';
import { helpLayout } from './commands/help-layout.ts';
import { commands } from './commands/index.ts';
import type { Host } from './host/host.ts';
import { odinVersion } from './host/version.ts';

/** Runs one command line and returns the exit code; prints errors, never throws. */
export async function run(host: Host): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  try {
    const program = await createProgram(host, (code) => {
      exitCode = code;
    });
    const argv = helpAsFlag(host.argv);
    await refuseUnknownCommand(argv);
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return report(error, host);
  }
}

/** `odin help serve` as `odin serve --help`, which is also what is shown without any arguments. */
function helpAsFlag(argv: readonly string[]): string[] {
  if (argv.length === 0) return ['--help'];
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
}

/** Commander would show the help of odin for `odin nonsense --help`. */
async function refuseUnknownCommand(argv: readonly string[]): Promise<void> {
  const takesValue = (flag = '') => flag === '-c' || flag === '--config';
  const name = argv.find((word, at) => !word.startsWith('-') && !takesValue(argv[at - 1]));
  if (name === undefined || name in commands) return;
  // Help and version load nothing that they do not need.
  const { default: leven } = await import('leven');
  const near = Object.keys(commands).find((known) => leven(known, name.toLowerCase()) <= 2);
  throw new UsageError(
    `unknown command: ${name}${near === undefined ? '' : `, did you mean \`odin ${near}\`?`}`,
    { hint: 'see `odin --help`' },
  );
}

/** A command named anywhere in the arguments is loaded; the others are known by name and summary. */
async function createProgram(host: Host, onExit: (code: ExitCode) => void): Promise<Command> {
  const program = new Command('odin')
    .description('Serve, feed and load-test a WebSocket fan-out of market events.')
    .version(odinVersion())
    .option('-c, --config <file>', 'configuration file (default: odin.yaml, if it is there)')
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      // On one line, as odin's own complaints are.
      outputError: (text, write) =>
        write(text.replace(/\n\(Did you mean (.*)\?\)/, ', did you mean $1?')),
    })
    .configureHelp(helpLayout)
    .showHelpAfterError('hint: see `odin --help`')
    .exitOverride();
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program
      .command(name)
      .summary(summary)
      .description(`${capital(summary)}.`)
      .showHelpAfterError(`hint: see \`odin ${name} --help\``);
    if (host.argv.includes(name)) (await load())(command, host, onExit);
  }
  return program;
}

/** What a machine may be short of, wherever that shows: no bug of odin. */
const shortages: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  EMFILE: [
    'this process may open no more files and connections',
    'raise its limit: ulimit -n 65536, or LimitNOFILE= of the service',
  ],
  ENFILE: ['this machine opens no more files and connections', 'raise its limit: fs.file-max'],
  ENOSPC: ['no space is left on the device', 'make room: df -h shows where'],
};

function report(thrown: unknown, host: Host): ExitCode {
  if (thrown instanceof CommanderError) {
    return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  const [message, hint] = shortages[Object(thrown).code] ?? [];
  const isShort = message !== undefined && !(thrown instanceof OdinError);
  const error = isShort ? new PreflightError(message, { hint, cause: thrown }) : thrown;
  if (!(error instanceof OdinError)) {
    const text = error instanceof Error ? error.stack : String(error);
    host.stderr.write(`${text}\nerror: this is a bug in odin\n`);
    return exitCodes.bug;
  }
  if (error instanceof Interrupted) {
    host.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  // What a server answered may stand in it.
  const linesOf = (text: string) => text.split('\n').map(terminalLine);
  const lines = linesOf(error.message).map((line) => `error: ${line}\n`);
  const hints =
    error.hint === undefined ? [] : linesOf(error.hint).map((line) => `hint: ${line}\n`);
  host.stderr.write([...lines, ...hints].join(''));
  return error.exitCode;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
