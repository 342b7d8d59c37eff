/** The agents of a distributed load test: started together, prepared together, watched. */
import { exitCodes, PreflightError, RemoteError, UsageError } from '../../base/errors.ts';
import { formatDuration } from '../../base/units.ts';
import { odinCommand } from '../../host/command.ts';
import type { Log } from '../../host/log.ts';
import type { Machine } from '../../host/machine.ts';
import { odinVersion } from '../../host/version.ts';
import type { Crew, CrewDeps } from '../crew.ts';
import { Cast } from '../plan/cast.ts';
import { type LoadTestConfig, workerCount } from '../plan/plan.ts';
import { sizeOf } from '../plan/run-size.ts';
import { clientsOfWorker } from '../plan/timeline.ts';
import { targetWithoutAddress } from '../socket/target.ts';
import { describeLoss } from '../workers/totals.ts';
import type { WorkerPlace } from '../workers/worker-pool.ts';
import { agentHosts } from './agent-hosts.ts';
import { AgentLink } from './agent-link.ts';
import { agentProtocol, type FromAgent } from './agent-messages.ts';
import { agentSection } from './agent-section.ts';
import type { AgentFault } from './ssh-fault.ts';

/** Above what ssh may take to connect. */
const helloMs = 20_000;
const prepareMs = 20_000;
const heartbeatMs = 1_000;
/** An agent waits for longer than its coordinator does, which may have been stopped for a while. */
const agentPatience = 3;

/** An agent that can do its part. */
interface Member {
  readonly agent: AgentLink;
  readonly machine: Machine;
  readonly places: readonly WorkerPlace[];
}

/**
 * Starts the agents of `config` and lets each prepare. Throws when one of them cannot be had or
 * cannot do its part: a PreflightError when its machine does not allow it, else a RemoteError.
 */
export async function assembleFleet(config: LoadTestConfig, deps: CrewDeps): Promise<Crew> {
  const { signal, log } = deps;
  const hosts = agentHosts(config, odinCommand('loadtest', 'agent'));
  const { first } = sizeOf(config);
  if (hosts.length > first) {
    throw new UsageError(`${hosts.length} agents for ${first} clients`, {
      hint: 'give each agent at least one client: more --connections, or fewer --agents',
    });
  }
  const agents = hosts.map((host) => new AgentLink(host));
  const giveUp = () => {
    for (const agent of agents) agent.lose({ message: 'interrupted', hint: undefined });
  };
  signal.addEventListener('abort', giveUp);
  try {
    if (signal.aborted) giveUp();
    const members = await prepareAll(agents, config, deps);
    log.info({ agents: agents.map(({ name }) => name) }, 'agents are ready');
    return crewOf(members, config, deps, watch(agents, config.agentSilenceMs, log));
  } catch (error) {
    await disposeAll(agents);
    if (signal.aborted) return crewOf([], config, deps, { [Symbol.dispose]() {} });
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function crewOf(
  members: readonly Member[],
  config: LoadTestConfig,
  deps: CrewDeps,
  watching: Disposable,
): Crew {
  const agents = members.map(({ agent }) => agent);
  return {
    places: members.flatMap(({ places }) => places),
    pids: agents.flatMap(({ pid }) => pid ?? []),
    reachMs: Math.max(0, ...agents.map(({ clock }) => clock?.roundTripMs ?? 0)),
    async check(connections) {
      const shares = sharesOf(
        connections,
        members.map(({ places }) => places.length),
      );
      // What a lost agent cannot do is told by the verdict of the trial.
      const here = [...agents.keys()].filter((at) => agents[at]?.loss === undefined);
      await askAll(
        here.map((at) => agents[at] as AgentLink),
        config,
        here.map((at) => shares[at] ?? []),
        deps,
      );
    },
    assertWhole() {
      throwFaults(agents);
    },
    agents: (states) =>
      members.map(({ agent, machine }) =>
        agentSection(
          agent,
          machine,
          states.filter((state) => state.agent === agent),
        ),
      ),
    async [Symbol.asyncDispose]() {
      watching[Symbol.dispose]();
      await disposeAll(agents);
    },
  };
}

async function disposeAll(agents: readonly AgentLink[]): Promise<void> {
  await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
}

async function prepareAll(
  agents: readonly AgentLink[],
  config: LoadTestConfig,
  deps: CrewDeps,
): Promise<Member[]> {
  // Files that flags name are on this machine.
  const common = await targetWithoutAddress(config);
  const machines = await Promise.all(agents.map(greet));
  throwFaults(agents);
  const { stages, peak, first } = sizeOf(config);
  const counts = workersOf(agents, machines as Machine[], config, peak);
  const answers = await askAll(agents, config, sharesOf(first, counts), deps);
  await Promise.all(agents.map((agent) => agent.measureClock()));
  throwFaults(agents);
  const shares = new Cast(config, peak).sharesOf(stages, sum(counts));
  return agents.map((agent, at) => {
    const { address } = answers[at] as { readonly address: string };
    const before = sum(counts.slice(0, at));
    const own = shares.slice(before, before + (counts[at] ?? 0));
    return {
      agent,
      machine: machines[at] as Machine,
      places: own.map((share, worker) => ({
        ...share,
        target: { ...common, address },
        clockAheadMs: agent.clockAheadMs,
        agent,
        launch: (handlers) => agent.launch(before + worker, handlers),
      })),
    };
  });
}

/** Waits for the first word of an agent; one that does not come, or is of another odin, is lost. */
async function greet(agent: AgentLink): Promise<Machine | undefined> {
  const hello = await agent.answer(['hello'], helloMs);
  const version = odinVersion();
  if (hello === undefined) {
    agent.lose({
      message: `it said nothing within ${helloMs / 1_000} s`,
      hint: 'does its command print what odin says? see --agent-command',
    });
  } else if (hello.protocol !== agentProtocol || hello.version !== version) {
    agent.lose({
      message:
        `it is odin ${hello.version} (agent protocol ${hello.protocol}), ` +
        `this is ${version} (${agentProtocol})`,
      hint: 'install the same odin on all machines',
    });
  }
  return hello?.machine;
}

/**
 * Lets each agent look whether its machine can do its part, which is so many clients of each worker.
 * Throws when one says no.
 */
async function askAll(
  agents: readonly AgentLink[],
  config: LoadTestConfig,
  shares: readonly (readonly number[])[],
  { onLack }: CrewDeps,
): Promise<(Answered | undefined)[]> {
  const clientsOn = (machine: string) =>
    agents.flatMap(({ host }, at) => (host.machine === machine ? (shares[at] ?? []) : []));
  const answers = await Promise.all(
    agents.map((agent, at) => {
      const perWorker = Math.max(...(shares[at] ?? []));
      const clients = clientsOn(agent.host.machine);
      const silenceMs = agentPatience * config.agentSilenceMs;
      const share = { connections: sum(clients), perWorker, workers: clients.length };
      const isForced = onLack !== undefined;
      return agent.prepare({ config, ...share, isForced, silenceMs }, prepareMs);
    }),
  );
  throwRefusals(agents, answers);
  for (const [at, { name }] of agents.entries()) {
    const { lacks } = answers[at] as Extract<FromAgent, { kind: 'ready' }>;
    for (const { what, fix } of lacks) onLack?.({ what: `agent ${name}: ${what}`, fix });
  }
  return answers;
}

/** Workers of each agent, one at least: agents of one machine share its cores. */
function workersOf(
  agents: readonly AgentLink[],
  machines: readonly Machine[],
  config: LoadTestConfig,
  peak: number,
): number[] {
  const perAgent = Math.ceil(peak / agents.length);
  let left = peak;
  return agents.map(({ host }, at) => {
    const neighbours = agents.filter((other) => other.host.machine === host.machine).length;
    const cores = Math.max(1, Math.floor((machines[at]?.cpus ?? 1) / neighbours));
    const kept = agents.length - at - 1;
    const count = Math.min(workerCount(config, perAgent, cores), left - kept);
    left -= count;
    return count;
  });
}

/** Clients of each worker of each agent. */
function sharesOf(clients: number, counts: readonly number[]): number[][] {
  const workers = sum(counts);
  let next = 0;
  return counts.map((count) =>
    Array.from({ length: count }, () => clientsOfWorker(clients, next++, workers)),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}

function throwFaults(agents: readonly AgentLink[]): void {
  const lost = agents.flatMap(({ name, fault }) => (fault === undefined ? [] : { name, ...fault }));
  if (lost.length > 0) throw new RemoteError(messageOfAll(lost), { hint: hintOfAll(lost) });
}

function throwRefusals(
  agents: readonly AgentLink[],
  answers: readonly (Answered | undefined)[],
): void {
  for (const [at, agent] of agents.entries()) {
    if (answers[at] !== undefined) continue;
    agent.lose({ message: `it did not get ready within ${prepareMs / 1_000} s`, hint: undefined });
  }
  throwFaults(agents);
  const refused = answers.flatMap((answer, at) =>
    answer?.kind === 'refused' ? { name: agents[at]?.name ?? '', ...answer } : [],
  );
  if (refused.length === 0) return;
  const isPreflight = refused.some(({ exitCode }) => exitCode === exitCodes.preflight);
  const Refusal = isPreflight ? PreflightError : RemoteError;
  throw new Refusal(messageOfAll(refused), { hint: hintOfAll(refused) });
}

type Answered = Extract<FromAgent, { kind: 'ready' | 'refused' }>;
type Named = AgentFault & { readonly name: string };

function messageOfAll(faults: readonly Named[]): string {
  return faults.map(({ name, message }) => `agent ${name}: ${message}`).join('\n');
}

function hintOfAll(faults: readonly Named[]): string | undefined {
  const hints = [...new Set(faults.flatMap(({ hint }) => hint ?? []))];
  return hints.length === 0 ? undefined : hints.join('\n');
}

/**
 * Asks each agent for its time each second; gives up one that says nothing for `silenceMs`. Looks are
 * counted, not time: after this process stood still, what agents said meanwhile has yet to be read.
 */
function watch(agents: readonly AgentLink[], silenceMs: number, log: Log): Disposable {
  const told = new Set<AgentLink>();
  const timer = setInterval(() => {
    for (const agent of agents) {
      if (agent.unansweredLooks * heartbeatMs >= silenceMs) {
        agent.lose({
          message: `it went silent, for ${formatDuration(silenceMs)}`,
          hint: undefined,
        });
      }
      agent.unansweredLooks++;
      agent.ping();
      if (agent.loss === undefined || told.has(agent)) continue;
      told.add(agent);
      log.warn(`${describeLoss(agent)}; the run goes on without it`);
    }
  }, heartbeatMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
