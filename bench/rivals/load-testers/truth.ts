/** What load testers say about a server whose faults are known. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultServer } from '../../../test/support/fault-server.ts';
import type { Row } from '../../results.ts';
import { artillery } from './artillery.ts';
import { clients, type Fault, faults, inject } from './faults.ts';
import { odin } from './odin.ts';
import type { Job, Outcome, Tool } from './tool.ts';
import { hasTsung, tsung } from './tsung.ts';

/** A tool that has not ended so long after its clients should have gone is given up. */
const limitMs = 8_000;
const staySeconds = 9;
/** So many at a time. */
const atOnce = 2;

/** A row for each fault; of each, all tools run at the same time, each with a server of its own. */
export async function compareTruth(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let at = 0; at < faults.length; at += atOnce) {
    rows.push(...(await Promise.all(faults.slice(at, at + atOnce).map(rowOf))));
  }
  return rows;
}

async function rowOf(fault: Fault): Promise<Row> {
  const [ours, theirs, others] = await Promise.all([
    tell(odin, fault),
    tell(artillery(true), fault),
    hasTsung() ? tell(tsung, fault) : 'not installed here',
  ]);
  console.log(`  ${fault.what}\n    ${ours}\n    ${theirs}\n    ${others}`);
  return { what: fault.what, ours, theirs, ratio: others, goal: 'told' };
}

async function tell(tool: Tool, fault: Fault): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'odin-rival-'));
  try {
    const outcome = await outcomeOf(tool, fault, folder);
    return `${verdictOn(fault, outcome)}: ${textOf(outcome)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function outcomeOf(tool: Tool, fault: Fault, folder: string): Promise<Outcome> {
  await using server = await FaultServer.start(fault.server);
  const job: Job = {
    url: server.url,
    channel: 'BTC.trade',
    crowds: [{ clients, seconds: 1 }],
    pauseSeconds: 0,
    staySeconds,
    connectTimeoutMs: 2_000,
    folder,
  };
  if (fault.isAbsent) await server[Symbol.asyncDispose]();
  await using running = await tool.start(job);
  await inject(fault, server, running);
  const ended = await running.ended((1 + staySeconds) * 1_000 + limitMs);
  return tool.outcomeOf(ended, job);
}

/** Half of it is told where a tool names something that is wrong, but not what. */
function verdictOn({ isTold }: Fault, outcome: Outcome): string {
  const isNamed = outcome.complaints.some((complaint) => complaint !== 'pass');
  if (isTold === undefined ? isNamed : isTold(outcome)) return '**told**';
  return isNamed ? 'half' : 'not told';
}

function textOf({ exitCode, hasReport, complaints, figures }: Outcome): string {
  const counts = Object.entries(figures).map(([name, value]) =>
    /^p\d/.test(name) ? `${name} ${value.toFixed(0)} ms` : `${name} ${value}`,
  );
  const said = [...complaints, ...counts].join(', ').replaceAll('|', '\\|');
  const end = exitCode === null ? `had to be ended after ${limitMs / 1_000} s` : `exit ${exitCode}`;
  return `${end}; ${hasReport ? said || 'no complaint' : 'no report'}`;
}
