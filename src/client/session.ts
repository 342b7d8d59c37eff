/** Session: the protocol on one connection, from the welcome to the last event. */
import { batchSeparator, subprotocols } from '../protocol/versions.ts';
import { Answers } from './answers.ts';
import { Coverage } from './coverage.ts';
import { Heartbeat } from './heartbeat.ts';
import type { MarketEvent, ThrottleNotice } from './market-event.ts';
import { defaultMessageBytes, positionOf, Requests } from './requests.ts';
import type { ServerMessage, SessionOwner } from './session-owner.ts';

/** Without a welcome; odin's own default. */
const defaultHeartbeatMs = 25_000;

/** One connection's protocol. */
export class Session {
  readonly #owner: SessionOwner;
  readonly #requests: Requests;
  readonly #coverage = new Coverage();
  readonly #answers: Answers;
  #seq = 0;
  #heartbeat: Heartbeat | undefined;
  #isOver = false;

  /** `protocol` is the one that the server chose: none is v1. */
  constructor(owner: SessionOwner, protocol: string) {
    this.#owner = owner;
    this.#requests = new Requests(owner);
    this.#answers = new Answers(owner, this.#requests, this.#coverage);
    if (protocol !== subprotocols.v2) this.#start({});
  }

  get roundTripMs(): number | undefined {
    return this.#heartbeat?.roundTripMs;
  }

  /** What the server has not been asked yet has changed. */
  changed(): void {
    this.#requests.changed();
  }

  refreshToken(token: string): void {
    this.#requests.refreshToken(token);
  }

  /** Finds out soon whether the connection still works. */
  probe(): void {
    this.#heartbeat?.probe();
  }

  /** Writes down in the interests how far they are. */
  settle(): void {
    this.#coverage.settle(this.#owner.interests);
  }

  end(): void {
    this.#isOver = true;
    this.#heartbeat?.stop();
    this.#requests.stop();
    this.settle();
  }

  /** One WebSocket message: one or more of the protocol. */
  receive(text: string): void {
    this.#heartbeat?.heard();
    for (const line of text.split(batchSeparator)) {
      // A handler may close the client in the middle.
      if (this.#isOver) return;
      let message: ServerMessage;
      try {
        message = JSON.parse(line) as ServerMessage;
      } catch {
        return this.#owner.connector.fail('BAD_JSON', 'no JSON from the server');
      }
      if (message['offset'] !== undefined) this.#event(message as unknown as MarketEvent);
      else this.#control(message);
    }
  }

  #start({ heartbeat_ms, limits, epoch }: ServerMessage): void {
    const { interests, places, connector } = this.#owner;
    this.#noteEpoch(epoch as string | undefined);
    places.nextRound();
    interests.restart();
    const owner = {
      ping: () => connector.send('{"type":"heartbeat"}'),
      dead: () => connector.fail('NO_ANSWER', 'no answer from the server'),
    };
    this.#heartbeat = new Heartbeat(owner, (heartbeat_ms as number) ?? defaultHeartbeatMs);
    connector.ready();
    this.#requests.start((limits as Record<string, number> | undefined)?.['message_bytes']);
  }

  /**
   * When positions belong to another log, the server is told them once more, and says what is lost.
   * v1 tells no epoch: there, `prev` shows it.
   */
  #noteEpoch(epoch: string | undefined): void {
    const { interests, places } = this.#owner;
    const old = places.epoch;
    if (old === undefined || epoch === undefined || old === epoch) {
      places.epoch = epoch;
      return;
    }
    for (const interest of interests.all())
      interest.since ??= positionOf(interest, places, defaultMessageBytes);
    places.restart(epoch);
  }

  #event(event: MarketEvent): void {
    const { interests, places, tally, dispatch } = this.#owner;
    const { channel } = event;
    const holding = interests.holding(channel);
    // Of a subscription that is over, or not told of yet; or it comes again, behind what is missing.
    if (holding.length === 0 || this.#requests.recovering.has(channel)) {
      tally.ignored++;
      return;
    }
    this.#coverage.note(event, holding, this.serverMs());
    const verdict = places.judge(event);
    if (verdict === 'seen') {
      tally.duplicates++;
      return;
    }
    if (verdict === 'gap') {
      const trust = places.trustOf(channel);
      if (trust === 'whole') return this.#recover(channel);
      if (trust === 'unsure')
        dispatch.gap(channel, 'incomplete', places.offsetOf(channel), event.offset);
    }
    places.take(event);
    dispatch.deliver(event, holding);
  }

  /** Asks for what is missing. Until that comes, events of the channel are not taken. */
  #recover(channel: string): void {
    this.#owner.tally.ignored++;
    this.#requests.recovering.set(channel, 'wanted');
    this.#requests.changed();
  }

  #control(message: ServerMessage): void {
    const { type } = message;
    const { places, emitter, dispatch, connector } = this.#owner;
    switch (type) {
      case 'welcome':
        return this.#start(message);
      case 'pong': {
        const serverMs = message['ts'] as number;
        this.#heartbeat?.pong(serverMs);
        return this.#coverage.pong(serverMs);
      }
      case 'subscription_ack':
      case 'unsubscription_ack':
      case 'refresh_ack':
        return this.#answers.take(message, this.serverMs());
      case 'error':
        return this.#answers.error(message);
      case 'throttle_update': {
        const { level, rate_percent: ratePercent, message: text } = message;
        return emitter.emit('throttle', { level, ratePercent, message: text } as ThrottleNotice);
      }
      case 'skipped': {
        const channels = message['channels'] as Record<string, number>;
        for (const channel in channels) places.skip(channel, channels[channel] as number);
        return emitter.emit('skipped', channels);
      }
      case 'reconnect_notice':
        return connector.moveAfter(message['after_ms'] as number);
      default:
        if (typeof message['seq'] !== 'number') return;
        this.#askForNumbers(message['seq']);
        dispatch.deliver(message as unknown as MarketEvent, []);
    }
  }

  /**
   * Servers that know no offsets number what they send on a connection, and repeat what is missing;
   * that comes late, and goes to listeners of the client only.
   */
  #askForNumbers(seq: number): void {
    if (this.#seq > 0 && seq > this.#seq + 1) {
      const data = { from_seq: this.#seq + 1, to_seq: seq - 1 };
      this.#owner.connector.send(JSON.stringify({ type: 'replay', data }));
    }
    this.#seq = Math.max(this.#seq, seq);
  }

  /** The server's clock, in milliseconds since 1970; see {@link Heartbeat}. */
  serverMs(): number {
    return this.#heartbeat?.serverMs() ?? Date.now();
  }
}
