/** `odin config show | check | docs | env`: what can be set, what is set, and from where. */
import { allSections } from '../config/document.ts';
import { write, writeJson, writeLine } from '../host/output.ts';
import { type Configure, defineCommand } from './define-command.ts';

const show = defineCommand({
  sections: [],
  quietSections: allSections,
  json: 'print the settings as JSON',
  examples: ['odin config show', 'odin config show --json --config odin.yaml'],
  async run({ resolved, host, isJson }) {
    const { formatSettings, showConfig } = await import('../config/document.ts');
    const settings = showConfig(resolved.config, resolved.origins);
    if (isJson) await writeJson(host.stdout, { schemaVersion: 1, settings });
    else await writeLine(host.stdout, formatSettings(settings));
    return undefined;
  },
});

const check = defineCommand({
  sections: [],
  quietSections: allSections,
  json: 'print the result as JSON',
  examples: ['odin config check --config odin.yaml'],
  async run({ resolved, host, isJson }) {
    const changed = resolved.origins.size;
    if (isJson) await writeJson(host.stdout, { schemaVersion: 1, ok: true, changed });
    else
      await writeLine(
        host.stdout,
        `configuration is valid; ${changed} settings are not left to their defaults`,
      );
    return undefined;
  },
});

const docs = defineCommand({
  sections: [],
  examples: ['odin config docs | less'],
  async run({ host }) {
    const { configPage } = await import('../config/document.ts');
    await write(host.stdout, configPage());
    return undefined;
  },
});

const env = defineCommand({
  sections: [],
  examples: ['odin config env > .env'],
  async run({ host }) {
    const { environmentFile } = await import('../config/document.ts');
    await write(host.stdout, environmentFile());
    return undefined;
  },
});

/** See the file's first line. */
export const config: Configure = (command, host, onExit) => {
  show(
    command.command('show').description('Print every setting, its value and where it came from.'),
    host,
    onExit,
  );
  check(
    command.command('check').description('Check the configuration file, .env and environment.'),
    host,
    onExit,
  );
  docs(
    command.command('docs').description('Print the reference of all settings (Markdown).'),
    host,
    onExit,
  );
  env(
    command.command('env').description('Print all environment names with their defaults.'),
    host,
    onExit,
  );
  return command;
};
