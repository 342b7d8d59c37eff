/** Whether the firewall's table of connections has room for those of a run. */
import { formatCount } from '../../base/units.ts';
import type { Lack, Needs, Sight } from './limit.ts';

const folder = '/proc/sys/net/netfilter';

/** A full table drops packets: connections then time out, which looks like a slow server. */
export async function conntrackLacks({ connections }: Needs, { readText }: Sight): Promise<Lack[]> {
  const [count, max] = await Promise.all([
    readText(`${folder}/nf_conntrack_count`),
    readText(`${folder}/nf_conntrack_max`),
  ]);
  // A firewall without rules tracks nothing.
  if (count === undefined || max === undefined || Number(count) === 0) return [];
  const needed = Number(count) + connections;
  if (needed <= Number(max)) return [];
  return [
    {
      what:
        `${formatCount(connections)} connections need ${formatCount(needed)} entries of conntrack ` +
        `with those there are, it has ${formatCount(Number(max))}`,
      fix: `run \`sysctl -w net.netfilter.nf_conntrack_max=${2 ** Math.ceil(Math.log2(needed))}\``,
    },
  ];
}
