/** What tests of mode multi look at: the node's shards, their processes and its counters. */
import { readdirSync, readFileSync } from 'node:fs';
import type { StatusReport } from '../../src/protocol/status-report.ts';
import type { TestServer } from './start-server.ts';

/** Settings of a node with three shards. */
export const multi = { mode: 'multi', shards: { count: 3 } };

/** How the node is, asked on a connection of its own. */
export async function statusOf({ http }: { http: string }, query = ''): Promise<StatusReport> {
  const response = await fetch(`${http}/api/status${query}`, { headers: { connection: 'close' } });
  return (await response.json()) as StatusReport;
}

/** Process ids of the shards, by their numbers. */
export async function pidsOf(server: { http: string }): Promise<number[]> {
  return (await statusOf(server)).shards.map(({ pid }) => pid as number);
}

/** Slots of the whole node that are in use, and of those how many are pending. */
export async function slotsOf({ http }: { http: string }) {
  const text = await (await fetch(`${http}/metrics`, { headers: { connection: 'close' } })).text();
  return {
    inUse: sumOf(text, 'odin_shard_slots_in_use'),
    pending: sumOf(text, 'odin_shard_slots_pending'),
  };
}

function sumOf(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Values of all counters of the node by name and labels, without those of a shard's process. */
export async function countersOf({ http }: { http: string }): Promise<Map<string, number>> {
  const text = await (await fetch(`${http}/metrics`, { headers: { connection: 'close' } })).text();
  const counters = new Set([...text.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name]) => name));
  const values = new Map<string, number>();
  for (const [, key = '', name, value] of text.matchAll(/^((\w+)(?:\{.*\})?) (\S+)$/gm)) {
    if (counters.has(name) && !name?.startsWith('odin_shard_')) values.set(key, Number(value));
  }
  return values;
}

/** Open descriptors of a process. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resident memory of a process, in MiB. */
export function residentMiBOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
}

/** The shard that a v2 client is served by, from its welcome. */
export function shardOf(welcome: Record<string, unknown>): number {
  return Number(/-(\d+)-[^-]+$/.exec(String(welcome['client_id']))?.[1]);
}

/** Log lines of a node with this sentence. */
export function linesOf({ logLines }: Pick<TestServer, 'logLines'>, sentence: string) {
  return logLines.filter(({ msg }) => msg === sentence);
}
