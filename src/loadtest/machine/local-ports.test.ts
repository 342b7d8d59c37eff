/** Tests of local-ports.ts. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePorts, portsOf, portsTowards, readPortRange } from './local-ports.ts';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:0BBC 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 00000000:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   2: 0200007F:9C40 0100007F:0BBC 01 00000000:00000000 00:00000000 00000000     0
   3: 0100007F:9C42 0100007F:0BBC 06 00000000:00000000 00:00000000 00000000     0
   4: 0100007F:9C43 0100007F:0BBD 01 00000000:00000000 00:00000000 00000000     0
`;

test('a range is what lies in it without what is reserved', () => {
  const range = readPortRange('32768\t60999\n', '8080,40000-40009,60999,70000\n');
  expect(freePorts(range!, new Set())).toBe(28_232 - 11);
  expect(freePorts(range!, new Set([80, 32_768, 40_005, 61_000]))).toBe(28_232 - 12);
  expect(readPortRange('')).toBeUndefined();
});

test('a port is taken for connections to where it already leads', () => {
  const remote = { address: '127.0.0.1', port: 3_004 };
  expect(portsTowards(table, remote, false)).toEqual(new Set([40_000, 40_002]));
  expect(portsTowards(table, remote, true)).toEqual(new Set([40_000]));
});

test('a port of a source address is taken wherever it leads', () => {
  expect(portsOf(table, '127.0.0.2')).toEqual(new Set([40_000, 40_001]));
  expect(portsOf(table, '127.0.0.9')).toEqual(new Set([40_001]));
});

test.runIf(process.platform === 'linux').each(['127.0.0.1', '::1'])(
  'the kernel writes addresses as they are read here: %s',
  async (address) => {
    const server = createServer().listen(0, address);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, address);
    await once(socket, 'connect');
    const seen = await readFile(`/proc/net/${address === '::1' ? 'tcp6' : 'tcp'}`, 'utf8');
    expect(portsTowards(seen, { address, port }, false)).toContain(socket.localPort);
    expect(portsOf(seen, address)).toContain(socket.localPort);
    socket.destroy();
    server.close();
    await once(server, 'close');
  },
);
