/** Settings of a run as a report may hold them, which have no default to tell what they have to be. */
import * as z from 'zod';
import { count, ms } from './figures-schema.ts';

const text = z.string().optional();
const texts = z.array(z.string()).optional();

/** Fields of `config` in a report that are not there unless somebody gave them. */
export const optionalSettings = {
  caFile: text,
  tokenFile: text,
  headers: texts.describe('names only'),
  send: texts.describe('lengths only'),
  replies: texts,
  preset: text,
  rampDurationMs: ms.optional(),
  profiles: z
    .record(
      z.string(),
      z.looseObject({ bundle: text, tokensPerClient: count.optional(), channels: texts }),
    )
    .optional(),
  storm: text,
  churn: text,
  thresholds: texts,
  findMax: z.enum(['connections', 'rate']).optional(),
  slo: texts,
  publisherUrl: text,
  statusUrl: text,
  prometheus: text,
};
