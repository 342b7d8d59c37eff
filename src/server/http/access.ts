/** Access: who may use the administrative routes: this machine, or whoever holds the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Whether a request may administer the server. A request that a proxy forwarded, or that a web
 * page made, is not local, even when its connection comes from the loopback.
 */
export function mayAdminister(request: IncomingMessage, adminToken: string | undefined): boolean {
  const { headers, socket } = request;
  const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (adminToken !== undefined && bearer !== undefined) return isSame(bearer, adminToken);
  const isForwarded = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  return (
    isLoopback(socket.remoteAddress ?? '') &&
    !isForwarded &&
    headers.origin === undefined &&
    isLocalName(headers.host)
  );
}

/**
 * Whether a `Host` header names this machine. A web page whose name was made to resolve to the
 * loopback (DNS rebinding) sends its own name, and for reading it sends no origin.
 */
function isLocalName(host: string | undefined): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return name === 'localhost' || isLoopback(name);
}

/** Whether an address is this machine's own. */
export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address) || address === '::1';
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
