/** Port probe: what it is that let no client in, asked once more when nobody else asks it anything. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createKey } from '../socket/handshake.ts';

const patienceMs = 2_000;
const httpStart = 'HTTP/';

/** Whether TLS can be spoken at the port of a `ws://` address, whatever the certificate. */
export function speaksTls(url: URL): Promise<boolean> {
  if (url.protocol === 'wss:') return Promise.resolve(false);
  return probe(dial(url, true), (socket, end) => {
    socket.once('secureConnect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/**
 * Whether what listens there takes connections, and answers none in HTTP: neither an upgrade nor a
 * plain request. A server that is only overrun, or takes its time, is not deaf.
 */
export async function isDeafToHttp(url: URL): Promise<boolean> {
  const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  return (
    (await isDeafTo(url, [...upgrade, `Sec-WebSocket-Key: ${createKey()}`])) &&
    (await isDeafTo(url, ['Connection: close']))
  );
}

function isDeafTo(url: URL, headers: readonly string[]): Promise<boolean> {
  const isTls = url.protocol === 'wss:';
  const lines = [`GET ${url.pathname} HTTP/1.1`, `Host: ${url.host}`, ...headers];
  return probe(dial(url, isTls), (socket, end) => {
    let isUp = false;
    let heard = '';
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      isUp = true;
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      if (heard.length >= httpStart.length) end(!heard.startsWith(httpStart));
    });
    socket.once('error', () => end(isUp));
    socket.once('close', () => end(isUp));
  });
}

function dial({ hostname, port, protocol }: URL, isTls: boolean): Socket {
  const to = {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || (protocol === 'wss:' ? 443 : 80)),
  };
  return isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
}

/** What `ask` finds out in time; false when it does not. */
function probe(
  socket: Socket,
  ask: (socket: Socket, end: (isSo: boolean) => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isSo: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isSo);
    };
    const timer = setTimeout(() => end(false), patienceMs);
    ask(socket, end);
  });
}
