/** What the clients of one group of a worker share. */
import { Histogram } from '../../base/histogram.ts';
import type { ChannelBook } from '../delivery/channel-book.ts';
import { SequenceLedger } from '../delivery/sequence-ledger.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import { epochMs } from '../run-clock.ts';
import { phaseHistograms } from '../socket/connect-phases.ts';
import type { ConnectionEnd } from '../socket/connection-owner.ts';
import { ErrorLog } from '../socket/error-log.ts';
import type { Target } from '../socket/target.ts';
import type { MessageReader } from './message-reader.ts';
import type { Patience } from './return-policy.ts';
import { StageLatency } from './stage-latency.ts';
import { WorkerShared } from './worker-shared.ts';

/** What every client needs to know. */
interface ClientSettings extends Patience {
  readonly target: Target;
  /** Workers of the run, which take the clients in turn. */
  readonly workers: number;
  readonly protocol: LoadTestConfig['protocol'];
  /** How long one attempt may take until its subscription is acknowledged. */
  readonly connectTimeoutMs: number;
  /** What slow clients read per second; 0 for nothing at all. */
  readonly slowReadBytes: number;
}

/** Codes of refusals are the server's choice; what comes after so many is counted together. */
const maxRefusalCodes = 50;

/** Counters of one worker's clients. */
class ClientCounters {
  /** Clients that were open at least once. */
  opened = 0;
  /** Clients that never got a connection. */
  failed = 0;
  /** Connections lost after they were open. */
  dropped = 0;
  reconnected = 0;
  /** Attempts that the server said yes to, whatever came of them. */
  upgraded = 0;
  /** Clients that are open now. */
  active = 0;
  /** Clients that went when they had to, also on their way back from a storm or a move. */
  left = 0;
  /** Clients on their way back from a storm or a move, of which no attempt at that has failed. */
  returning = 0;
  /** Clients that were not open when they had to go, though they had been: the server's doing. */
  strayed = 0;
  /** Events, over the whole run. */
  received = 0;
  /** WebSocket text messages. */
  frames = 0;
  /** Bytes read from sockets, handshakes included. */
  bytes = 0;
  control = 0;
  badMessages = 0;
  /** v1 numbers that did not follow the one before. */
  seqBreaks = 0;
  /** Times the positions of the server started anew. */
  epochChanges = 0;
  /** Connections left because the server asked for it. */
  moved = 0;
  /** `error` messages on open connections. */
  serverErrors = 0;
  /** `gap` messages. */
  gapNotices = 0;
  /** `throttle_update` messages. */
  throttleUpdates = 0;
  /** `reconnect_notice` messages. */
  reconnectNotices = 0;
  /** Clients that were never let in, by the code of the last refusal. */
  readonly refused = new Map<string, number>();
  /** Close codes that the server sent. */
  readonly closeCodes = new Map<number, number>();

  /** Counts a client that never got in, with the code of the refusal when it was refused. */
  countFailed(refusal: string | undefined): void {
    this.failed++;
    if (refusal === undefined) return;
    const { refused } = this;
    const code = refused.has(refusal) || refused.size < maxRefusalCodes ? refusal : 'OTHER';
    refused.set(code, (refused.get(code) ?? 0) + 1);
  }

  /** Counts a client that had to go, and whether it was in, or on its way back by nobody's fault. */
  countGone(isIn: boolean, isOnTheWay: boolean): void {
    if (isIn) this.active--;
    if (isIn || isOnTheWay) this.left++;
    else this.strayed++;
  }

  /** Connections that were ended on purpose, all at once. */
  stormed = 0;
  /** Subscriptions that were dropped, and asked for again, on purpose while the connection stays. */
  churned = 0;
  /** Of these, the droppings and the returns that the server acknowledged. */
  unsubscribed = 0;
  resubscribed = 0;

  /** Clients of which is known whether they could connect. */
  get settled(): number {
    return this.opened + this.failed;
  }
}

/** What the clients of one group of a worker share: settings, counters, the truth about them. */
export class ClientContext {
  readonly settings: ClientSettings;
  /** Whether the run is judged by these clients; others misbehave on purpose. */
  readonly isGood: boolean;
  readonly shared: WorkerShared;
  readonly counters = new ClientCounters();
  readonly errors = new ErrorLog();
  readonly ledger: SequenceLedger;
  /** Since the planned start, of clients that opened for the first time. */
  readonly phases = phaseHistograms();
  /** From dropping out in a storm until open again. */
  readonly returns = new Histogram();
  /** From asking for a change of subscriptions until it was acknowledged. */
  readonly acks = new Histogram();
  readonly latency = new StageLatency();
  /** From the event's own time to its arrival, in the present stage; undefined between stages. */
  stageLatencyMs: Histogram | undefined;
  /** When the current chunk was read. */
  nowMs = epochMs();

  /** `shared` is what all clients of the worker share, of whatever group. */
  constructor(
    settings: ClientSettings,
    isGood = true,
    shared = new WorkerShared(settings.target, settings.workers),
  ) {
    this.settings = settings;
    this.isGood = isGood;
    this.shared = shared;
    this.ledger = new SequenceLedger(shared.book, () => this.nowMs);
  }

  get book(): ChannelBook {
    return this.shared.book;
  }

  get messages(): MessageReader {
    return this.shared.messages;
  }

  /** A stage begins; what was measured in the one before stays. */
  beginStage(index: number, isMeasured: boolean): void {
    this.ledger.stage = index;
    this.stageLatencyMs = this.latency.begin(isMeasured);
  }

  /** Nothing is measured any more. */
  endStage(): void {
    this.latency.end();
    this.stageLatencyMs = undefined;
  }

  /** Counts a message that cannot be read, with what is wrong with it. */
  countUnreadable(complaint: string): void {
    this.counters.badMessages++;
    this.errors.add('open-bad-message', complaint);
  }

  /** Counts how a connection ended that nobody wanted to end. */
  countEnd({ class: name, example, closeCode }: ConnectionEnd): void {
    const { closeCodes } = this.counters;
    this.errors.add(name, example);
    if (closeCode !== undefined) closeCodes.set(closeCode, (closeCodes.get(closeCode) ?? 0) + 1);
  }

  /** Takes the epoch of a `welcome`; another one than before makes all known offsets void. */
  enterEpoch(epoch: string): void {
    if (this.shared.enterEpoch(epoch)) this.counters.epochChanges++;
  }
}
