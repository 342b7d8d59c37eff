/** Everything odin can do: what `odin --help` needs, and where each command is loaded from. */
import type { Configure } from './define-command.ts';

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Configure>;
}

/** Commands by name. Only the command that was asked for is loaded. */
export const commands: Readonly<Record<string, Entry>> = {
  demo: {
    summary: 'run server, publisher and clients in one go and show what was delivered',
    load: async () => (await import('./demo.ts')).demo,
  },
  serve: {
    summary: 'run the WebSocket fan-out server',
    load: async () => (await import('./serve.ts')).serve,
  },
  publish: {
    summary: 'feed a broker with synthetic or recorded events',
    load: async () => (await import('./publish.ts')).publish,
  },
  loadtest: {
    summary: 'open many clients and measure what reaches them',
    load: async () => (await import('./loadtest.ts')).loadtest,
  },
  top: {
    summary: 'watch servers, publisher and load test live in the terminal',
    load: async () => (await import('./top.ts')).top,
  },
  status: {
    summary: 'show once how servers are',
    load: async () => (await import('./status.ts')).status,
  },
  topics: {
    summary: 'create, list and watch the topics of the broker',
    load: async () => (await import('./topics.ts')).topics,
  },
  bridge: {
    summary: 'carry the records of one broker into another, each exactly once',
    load: async () => (await import('./bridge.ts')).bridge,
  },
  config: {
    summary: 'show, check and document the configuration',
    load: async () => (await import('./config.ts')).config,
  },
};
