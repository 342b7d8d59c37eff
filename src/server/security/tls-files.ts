/** TLS files: certificate and key of the port, read at the start and again when they change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls';
import { messageOf, UsageError } from '../../base/errors.ts';
import { cannotRead } from '../../base/file-fault.ts';
import type { Config } from '../../config/schema.ts';
import type { Log } from '../../host/log.ts';

/** How often the files are looked at, in milliseconds; they change every few weeks. */
const lookEveryMs = 60_000;

/** A certificate with its key. */
export class TlsFiles {
  readonly #certFile: string;
  readonly #keyFile: string;
  #current: { cert: string; key: string };

  private constructor(certFile: string, keyFile: string, current: { cert: string; key: string }) {
    this.#certFile = certFile;
    this.#keyFile = keyFile;
    this.#current = current;
  }

  /** Undefined when the port speaks plain HTTP. Throws a UsageError when the files are no good. */
  static async open({ certFile, keyFile }: Config['server']['tls']): Promise<TlsFiles | undefined> {
    if (certFile === undefined && keyFile === undefined) return undefined;
    if (certFile === undefined || keyFile === undefined) {
      const [given, missing] = certFile === undefined ? ['key', 'cert'] : ['cert', 'key'];
      throw new UsageError(`server.tls.${given}File is set, but server.tls.${missing}File is not`, {
        hint: `TLS needs both: add --tls-${missing}`,
      });
    }
    return new TlsFiles(certFile, keyFile, await read(certFile, keyFile));
  }

  /** What the server starts with. */
  get options(): SecureContextOptions {
    return this.#current;
  }

  /** Gives `server` the files as they are now; returns whether they had changed. */
  async reload(server: Server): Promise<boolean> {
    const next = await read(this.#certFile, this.#keyFile);
    if (next.cert === this.#current.cert && next.key === this.#current.key) return false;
    this.#current = next;
    server.setSecureContext(next);
    return true;
  }

  /** Reloads changed files from time to time. What is no good is logged, and the old ones stay. */
  watch(server: Server, log: Log): Disposable {
    const look = async () => {
      try {
        if (await this.reload(server))
          log.info({ certFile: this.#certFile }, 'certificate renewed');
      } catch (error) {
        log.warn({ err: error }, 'certificate not renewed');
      }
    };
    const timer = setInterval(look, lookEveryMs);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }
}

async function read(certFile: string, keyFile: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = await Promise.all([readPem('cert', certFile), readPem('key', keyFile)]);
  const certificate = parsed(
    () => new X509Certificate(cert),
    `server.tls.certFile: ${certFile} holds no certificate in PEM`,
  );
  const privateKey = parsed(
    () => createPrivateKey(key),
    `server.tls.keyFile: ${keyFile} holds no private key in PEM that needs no passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new UsageError(`the key in ${keyFile} is not that of the certificate in ${certFile}`, {
      hint: 'name the pair that was made together; of a chain, the certificate of this server comes first',
    });
  }
  parsed(
    () => createSecureContext({ cert, key }),
    `${certFile} and ${keyFile} are no good for TLS`,
  );
  return { cert, key };
}

function parsed<T>(parse: () => T, complaint: string): T {
  try {
    return parse();
  } catch (error) {
    throw new UsageError(complaint, { hint: messageOf(error), cause: error });
  }
}

async function readPem(kind: 'cert' | 'key', path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw cannotRead(path, error, `server.tls.${kind}File`);
  }
}
