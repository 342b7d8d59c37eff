/** Self-signed certificates, made by openssl for one test. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

/** Makes one for 127.0.0.1, or for `name`, that is valid for a day; or was, some years ago. */
export async function makeCertificate({
  name = 'IP:127.0.0.1',
  isExpired = false,
} = {}): Promise<TestCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'odin-tls-'));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder });
  const subject = ['-subj', '/CN=test', '-addext', `subjectAltName=${name}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const files = ['-keyout', keyFile, '-out', certFile];
  const renew = async () => {
    await openssl('req', '-x509', ...key, ...files, '-days', '1', ...subject);
  };
  await renew();
  if (isExpired) await makeOld(openssl, folder);
  return {
    certFile,
    keyFile,
    ca: await readFile(certFile, 'utf8'),
    renew,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** Signs the certificate anew with dates of the past, which only `openssl ca` can give it. */
async function makeOld(
  openssl: (...args: string[]) => Promise<unknown>,
  folder: string,
): Promise<void> {
  const config = [
    '[ca]\ndefault_ca=old\n[old]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.',
    'default_md=sha256\npolicy=any\ncopy_extensions=copy\n[any]\ncommonName=supplied\n',
  ];
  await writeFile(join(folder, 'ca.cnf'), config.join('\n'));
  await writeFile(join(folder, 'index.txt'), '');
  await writeFile(join(folder, 'serial'), '01\n');
  const request = ['-in', 'cert.pem', '-signkey', 'key.pem', '-out', 'old.csr'];
  await openssl('x509', '-x509toreq', '-copy_extensions', 'copy', ...request);
  const dates = ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'];
  const signing = ['-selfsign', '-keyfile', 'key.pem', '-in', 'old.csr', '-out', 'cert.pem'];
  await openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', ...signing, ...dates);
}
