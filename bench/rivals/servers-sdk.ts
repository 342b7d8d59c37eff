/** Clients as each server's makers advise them: their own SDK, which comes back and asks for what it missed. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { OdinClient } from '../../src/client/index.ts';
import { installNpm } from './install.ts';
import type { Contender, EventData } from './servers-contenders.ts';

/** Takes the data of each event of the channel. */
type Listener = (data: EventData) => void;

/** Makes a client of the server at `url` that wants one channel; what comes back ends it. */
export type OpenClient = (url: string, channel: string, listener: Listener) => () => void;

/** What is used of `centrifuge` and `socket.io-client`, which are not among odin's packages. */
interface Sdks {
  centrifuge: {
    readonly Centrifuge: new (
      url: string,
    ) => {
      newSubscription(channel: string): {
        on(event: 'publication', listener: (publication: { data: EventData }) => void): void;
        subscribe(): void;
      };
      connect(): void;
      disconnect(): void;
    };
  };
  'socket.io-client': {
    io(
      url: string,
      options: object,
    ): { on(event: string, listener: Listener): void; disconnect(): void };
  };
}

/** Of the clients of a server, all with their own settings. */
export async function sdkOf({ name }: Contender): Promise<OpenClient> {
  if (name.startsWith('odin')) return openOdin;
  const load = createRequire(join(await installNpm('clients'), 'package.json'));
  if (name.startsWith('Socket.IO')) return openSocketIo(load('socket.io-client'));
  return openCentrifuge(load('centrifuge'));
}

function openOdin(url: string, channel: string, listener: Listener) {
  const client = new OdinClient({ url });
  client.subscribe(channel, ({ data }) => listener(data as unknown as EventData));
  void client.connect();
  return () => void client.close();
}

function openCentrifuge({ Centrifuge }: Sdks['centrifuge']): OpenClient {
  return (url, channel, listener) => {
    const client = new Centrifuge(url);
    const subscription = client.newSubscription(channel);
    subscription.on('publication', ({ data }) => listener(data));
    subscription.subscribe();
    client.connect();
    return () => client.disconnect();
  };
}

function openSocketIo({ io }: Sdks['socket.io-client']): OpenClient {
  return (url, channel, listener) => {
    const auth = { rooms: [channel], each: 1, client: 0 };
    const options = { transports: ['websocket'], forceNew: true, auth };
    const socket = io(new URL(url).origin, options);
    socket.on(channel, listener);
    return () => socket.disconnect();
  };
}
