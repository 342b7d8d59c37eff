/** The whole configuration. Flags, environment names, docs and the editor schema derive from it. */
import * as z from 'zod';
import { broker, topicSettings } from './sections/broker.ts';
import { demo, loadtest } from './sections/loadtest.ts';
import { publish } from './sections/publish.ts';
import { server } from './sections/server.ts';
import { top } from './sections/top.ts';

const log = z.strictObject({
  level: z
    .enum(['error', 'warn', 'info', 'debug', 'trace'], {
      error: 'expected error, warn, info, debug or trace',
    })
    .prefault('info')
    .describe('how much to log')
    .meta({ env: 'LOG_LEVEL', flag: 'log-level' }),
  format: z
    .enum(['auto', 'json', 'pretty'], { error: 'expected auto, json or pretty' })
    .prefault('auto')
    .describe('auto is pretty on a terminal, JSON elsewhere')
    .meta({ env: 'LOG_FORMAT', flag: 'log-format' }),
});

/** Everything that can be set, by section. */
export const configSchema = z.strictObject({
  server: server.prefault({}).describe('the fan-out server'),
  broker: broker.prefault({}).describe('where events come from and go to'),
  topics: topicSettings.prefault({}).describe('topics that odin creates'),
  publish: publish.prefault({}).describe('the publisher'),
  loadtest: loadtest.prefault({}).describe('the load tester'),
  demo: demo.prefault({}).describe('server, publisher and clients in one go'),
  top: top.prefault({}).describe('what watches servers, publisher and load test'),
  log: log.prefault({}).describe('the log on standard error').meta({ title: 'Log' }),
});

/** The resolved configuration: complete, typed, read-only. */
export type Config = z.output<typeof configSchema>;

/** A section of it. */
export type Section = keyof Config;
