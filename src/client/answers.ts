/** Answers: what the server says to requests, and what follows for interests and places. */
import type { RecoveredChannel } from '../protocol/server-messages.ts';
import type { Coverage } from './coverage.ts';
import type { Interest } from './interests.ts';
import type { Position } from './positions.ts';
import type { Request, Requests } from './requests.ts';
import type { ServerMessage, SessionOwner } from './session-owner.ts';
import type { Rejection } from './subscription.ts';

type Refused = ReadonlyMap<string, Rejection>;
type Told = Readonly<Record<string, RecoveredChannel>>;

/** Reads the answers on one connection. */
export class Answers {
  readonly #owner: SessionOwner;
  readonly #requests: Requests;
  readonly #coverage: Coverage;

  constructor(owner: SessionOwner, requests: Requests, coverage: Coverage) {
    this.#owner = owner;
    this.#requests = requests;
    this.#coverage = coverage;
  }

  /** An acknowledgement; `serverMs` is the server's clock, in milliseconds since 1970. */
  take(message: ServerMessage, serverMs: number): void {
    const { id, rejected = [], recovered = {} } = message;
    const request = this.#requests.answered(id);
    if (request?.kind === 'token') return this.#tokenTaken(message);
    if (request === undefined || request.kind === 'unsubscribe') return;
    const refused = new Map(
      (rejected as { channel: string; code: Rejection }[]).map(({ channel, code }) => [
        channel,
        code,
      ]),
    );
    if (request.kind === 'recover') this.#recovered(request.channels, refused, recovered as Told);
    else this.#subscribed(request, refused, recovered as Told, serverMs);
  }

  error({ id, code, message }: ServerMessage): void {
    const { dispatch, tokens } = this.#owner;
    const request = id === undefined ? undefined : this.#requests.answered(id);
    if (code === 'RATE_LIMIT_EXCEEDED') this.#requests.askAgain();
    if (request?.kind === 'token') tokens.retry();
    if (request?.kind === 'subscribe') {
      for (const interest of request.interests) dispatch.rejected(interest, 'BAD_MESSAGE');
    }
    if (request?.kind === 'recover') this.#recovered(request.channels, new Map(), {});
    dispatch.problem(code as string, message as string);
  }

  #subscribed(
    { interests, since }: Extract<Request, { kind: 'subscribe' }>,
    refused: Refused,
    told: Told,
    serverMs: number,
  ): void {
    for (const interest of interests) {
      const { name } = interest;
      // It may have been given up, and wanted anew, since it was asked for.
      if (this.#owner.interests.find(name) !== interest) continue;
      const code = refused.get(name);
      if (code === undefined) this.#held(interest, since[name], told[name], serverMs);
      else this.#owner.dispatch.rejected(interest, code);
    }
  }

  #held(
    interest: Interest,
    position: Position | undefined,
    told: RecoveredChannel | undefined,
    serverMs: number,
  ): void {
    const { name, coveredMs } = interest;
    const isComplete = told?.complete === true;
    const isComing = isComplete && told.to !== told.from && position && 'ts' in position;
    interest.state = 'held';
    interest.since = undefined;
    this.#coverage.add(interest, serverMs, isComing ? told.to : undefined);
    if (position !== undefined && isComplete) {
      // What the application has from elsewhere; of an earlier connection it is known already.
      const offsets = 'offset' in position ? { [name]: position.offset } : position.offsets;
      for (const channel in offsets) this.#owner.places.seed(channel, offsets[channel] as number);
    } else if (position !== undefined) this.#lost(interest, position);
    if (coveredMs === undefined) this.#owner.dispatch.held(interest);
  }

  /** Not all that was missed comes. */
  #lost({ name, isWildcard }: Interest, position: Position): void {
    const { places, dispatch } = this.#owner;
    places.doubt(name, isWildcard ? 'unsure' : 'excused');
    const after = 'offset' in position ? position.offset : undefined;
    const { epoch = places.epoch } = position;
    const reason = epoch === places.epoch ? 'incomplete' : 'epoch';
    dispatch.gap(name, reason, after);
  }

  #recovered(channels: readonly string[], refused: Refused, told: Told): void {
    const { interests, places, tally, dispatch } = this.#owner;
    for (const channel of channels) {
      this.#requests.recovering.delete(channel);
      const isComplete = told[channel]?.complete === true;
      if (isComplete) tally.recovered++;
      else dispatch.gap(channel, 'broken', places.offsetOf(channel));
      // A server that vouches for a hole is not asked again and again.
      places.doubt(channel, isComplete ? 'unsure' : 'excused');
      // Asked for by its own name for this only.
      if (interests.find(channel) === undefined && !refused.has(channel))
        interests.leaving.add(channel);
    }
    this.#requests.changed();
  }

  #tokenTaken({ expires_at, dropped = [] }: ServerMessage): void {
    const { interests, dispatch, tokens } = this.#owner;
    for (const name of dropped as string[]) {
      const interest = interests.find(name);
      if (interest !== undefined) dispatch.rejected(interest, 'CHANNEL_NOT_ALLOWED');
    }
    tokens.renewBy(expires_at as number);
  }
}
