/** DeflateOffer: what a client offers of permessage-deflate (RFC 7692), and what odin takes of it. */
import type { IncomingHttpHeaders } from 'node:http';
import { subprotocols } from '../../protocol/versions.ts';

/**
 * How a connection takes events. `context`: each deflated message may refer to the ones before it.
 * `alone`: each stands for itself, because the client asked for `server_no_context_takeover`.
 */
export type Deflating = 'none' | 'alone' | 'context';

/** The part of an offer that odin accepts; `header` is the offer in canonical form. */
export interface DeflateOffer {
  readonly deflating: Exclude<Deflating, 'none'>;
  readonly header: string;
}

/** Clients that let us choose deflate with at most 2^10 bytes of window: inflating costs less. */
const clientWindowBits = 10;
/** The smallest window zlib inflates reliably, as a power of two. */
const minWindowBits = 9;

/**
 * The first offer in a `Sec-WebSocket-Extensions` header that odin can keep; undefined when there
 * is none. A limit on the server's window is one it cannot: flushes are deflated for all clients
 * alike. What it does not understand is skipped, as RFC 7692 §5 asks, and leaves the client without
 * compression rather than without a connection.
 */
export function chooseDeflateOffer(header: string | undefined): DeflateOffer | undefined {
  for (const offer of (header ?? '').split(',')) {
    const [name, ...parameters] = offer.split(';').map((part) => part.trim());
    if (name !== 'permessage-deflate') continue;
    const chosen = acceptParameters(parameters);
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}

/**
 * Decides how a client that asks to be upgraded takes its events, and puts the chosen offer in place
 * of the header, so that `ws` accepts it as it is. v1 clients get bytes of their own, which are not
 * deflated: nothing is negotiated with them.
 */
export function takeDeflateOffer(headers: IncomingHttpHeaders): Deflating {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',');
  const isV2 = protocols.some((name) => name.trim() === subprotocols.v2);
  const offer = isV2 ? chooseDeflateOffer(headers['sec-websocket-extensions']) : undefined;
  if (offer === undefined) delete headers['sec-websocket-extensions'];
  else headers['sec-websocket-extensions'] = offer.header;
  return offer?.deflating ?? 'none';
}

function acceptParameters(parameters: readonly string[]): DeflateOffer | undefined {
  const seen = new Set<string>();
  const kept = ['permessage-deflate', 'client_no_context_takeover'];
  let deflating: DeflateOffer['deflating'] = 'context';
  for (const parameter of parameters) {
    const { name = '', value } =
      /^(?<name>[a-z_]+)(?:\s*=\s*"?(?<value>\d{1,2})"?)?$/.exec(parameter)?.groups ?? {};
    if (seen.has(name)) return undefined;
    seen.add(name);
    if (name === 'client_max_window_bits') {
      const bits = Math.min(Number(value ?? clientWindowBits), clientWindowBits);
      if (value !== undefined && !isWindow(Number(value))) return undefined;
      if (bits >= minWindowBits) kept.push(`client_max_window_bits=${bits}`);
    } else if (name === 'server_no_context_takeover' && value === undefined) {
      deflating = 'alone';
      kept.push(name);
    } else if (name === 'server_max_window_bits') {
      if (Number(value) !== 15) return undefined;
      // Who asks is to be answered, even where the answer changes nothing (RFC 7692 §7.1.2.1).
      kept.push('server_max_window_bits=15');
    } else if (name !== 'client_no_context_takeover' || value !== undefined) return undefined;
  }
  return { deflating, header: kept.join('; ') };
}

/** Sizes that RFC 7692 §7.1.2 knows. */
function isWindow(bits: number): boolean {
  return bits >= 8 && bits <= 15;
}
