import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { expect, test } from 'vitest';
import { makeCertificate } from '../../../test/support/tls.ts';
import { TlsFiles } from './tls-files.ts';

test('a renewed certificate is used for new connections, a broken one is not', async () => {
  await using certificate = await makeCertificate();
  const { certFile, keyFile } = certificate;
  const files = await TlsFiles.open({ certFile, keyFile });
  if (files === undefined) throw new Error('no files');
  const server = createServer({ ...files.options }, (socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const fingerprint = async () => {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const first = await fingerprint();
  expect(await files.reload(server)).toBe(false);
  await certificate.renew();
  expect(await fingerprint()).toBe(first);
  expect(await files.reload(server)).toBe(true);
  const second = await fingerprint();
  expect(second).not.toBe(first);
  await writeFile(certFile, 'half a file');
  await expect(files.reload(server)).rejects.toThrow('no certificate');
  expect(await fingerprint()).toBe(second);
  server.close();
});

test('what is wrong with a pair is said of the file that it is wrong with', async () => {
  await using one = await makeCertificate();
  await using other = await makeCertificate();
  const { certFile, keyFile } = one;
  await expect(TlsFiles.open({ certFile: keyFile, keyFile })).rejects.toThrow(
    `server.tls.certFile: ${keyFile} holds no certificate`,
  );
  await expect(TlsFiles.open({ certFile, keyFile: certFile })).rejects.toThrow(
    `server.tls.keyFile: ${certFile} holds no private key`,
  );
  await expect(TlsFiles.open({ certFile, keyFile: other.keyFile })).rejects.toThrow(
    `the key in ${other.keyFile} is not that of the certificate in ${certFile}`,
  );
});

test('without files the port is plain', async () => {
  expect(await TlsFiles.open({ certFile: undefined, keyFile: undefined })).toBeUndefined();
});
