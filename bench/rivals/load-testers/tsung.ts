/** Tsung, Debian's package, with a session that keeps sockets open and receives (`bidi`). */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { type Job, type Outcome, startTool, subscriptionTo, type Tool } from './tool.ts';

/** Whether it is installed here. */
export function hasTsung(): boolean {
  return spawnSync('tsung', ['-v']).status === 0;
}

/** Tsung without its web page; with a port mapper of its own, which goes with it. */
export const tsung: Tool = {
  name: 'Tsung',
  start: async (job) => {
    const config = join(job.folder, 'tsung.xml');
    writeFileSync(config, configOf(job));
    // Relaxed: it may go while it still believes that Tsung is there.
    const env = { ERL_EPMD_PORT: String(await freePort()), ERL_EPMD_RELAXED_COMMAND_CHECK: 'true' };
    const args = ['-n', '-l', job.folder, '-f', config, 'start'];
    return startTool('tsung', args, job.folder, env, () => {
      execFileSync('epmd', ['-kill'], { env: { ...process.env, ...env } });
    });
  },
  outcomeOf: ({ exitCode }, { folder }): Outcome => {
    const totals = totalsIn(folder);
    const complaints = [...totals].filter(([name]) => /^error_|_fail$/.test(name));
    const bytes = totals.get('size_rcv');
    return {
      exitCode,
      hasReport: totals.size > 0,
      complaints: complaints.map(([name, count]) => `${name} ${count}`),
      figures: bytes === undefined ? {} : { bytes },
    };
  },
};

/** The last total of each counter in its log, which has all of them every 10 s and at the end. */
function totalsIn(folder: string): Map<string, number> {
  const log = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('/tsung.log'),
  );
  const text = log === undefined ? '' : readFileSync(join(folder, log), 'utf8');
  const lines = text.matchAll(/^stats: (\S+) \S+ (\d+)$/gm);
  return new Map(Array.from(lines, ([, name = '', total]) => [name, Number(total)]));
}

function configOf(job: Job): string {
  const { url, channel, crowds, pauseSeconds, staySeconds } = job;
  const { hostname, port, pathname } = new URL(url);
  // Clients come at random times around the interval, so the last phase has room for late ones; of the
  // others, the pause is.
  const arrivals = crowds.map(({ clients, seconds }, at) => {
    const length = at === crowds.length - 1 ? seconds + 60 : seconds + pauseSeconds;
    return `
    <arrivalphase phase="${at + 1}" duration="${length}" unit="second">
      <users maxnumber="${clients}" interarrival="${seconds / clients}" unit="second"/>
    </arrivalphase>`;
  });
  return `<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "/usr/share/tsung/tsung-1.0.dtd" []>
<tsung loglevel="notice" version="1.0">
  <clients><client host="localhost" use_controller_vm="true" maxusers="20000"/></clients>
  <servers><server host="${hostname}" port="${port}" type="tcp"/></servers>
  <load>${arrivals.join('')}
  </load>
  <options>
    <option name="connect_timeout" value="${job.connectTimeoutMs}"/>
    <option name="global_ack_timeout" value="${job.connectTimeoutMs}"/>
  </options>
  <sessions>
    <session name="feed" probability="100" type="ts_websocket" bidi="true">
      <request><websocket type="connect" path="${pathname}" subprotocols="odin.v2"/></request>
      <request><websocket type="message" frame="text" ack="no_ack">${subscriptionTo(channel)}</websocket></request>
      <thinktime value="${staySeconds}"/>
    </session>
  </sessions>
</tsung>
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
