/** A self-signed certificate for 127.0.0.1, made by openssl for one test. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Files of a certificate and its key. Disposing it deletes them. */
export interface TestCertificate extends AsyncDisposable {
  readonly certFile: string;
  readonly keyFile: string;
  /** The certificate itself: clients that trust it trust the server. */
  readonly ca: string;
  /** Puts another certificate into the same files. */
  renew(): Promise<void>;
}

/** Makes one that is valid for a day. */
export async function makeCertificate(): Promise<TestCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'odin-tls-'));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const files = ['-keyout', keyFile, '-out', certFile];
  const renew = async () => {
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      ...key,
      ...files,
      '-days',
      '1',
      ...subject,
    ]);
  };
  await renew();
  return {
    certFile,
    keyFile,
    ca: await readFile(certFile, 'utf8'),
    renew,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
