/** Reloading: at each SIGHUP, has a running server take the configuration on as it is now. */
import { OdinError } from '../base/errors.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import { diffSettings } from '../config/settings-diff.ts';
import type { Host } from '../host/host.ts';
import type { Log } from '../host/log.ts';
import type { RunningServer } from '../server/index.ts';

/** Sections that were used up at the start. */
type Fixed = Pick<Config, 'broker' | 'log'>;

/** What a reload acts on. */
interface Target {
  readonly server: Pick<RunningServer, 'reload'>;
  readonly fixed: Fixed;
}

/**
 * One per process. From its making on SIGHUP does not end the process any more; what is asked for
 * before there is a server is done when there is one. Disposing it waits for what is under way.
 */
export class Reloading implements AsyncDisposable {
  readonly #reconfigure: () => Promise<ResolvedConfig>;
  readonly #log: Log;
  readonly #hangUps: Disposable;
  #target: Target | undefined;
  #isAsked = false;
  #running: Promise<void> | undefined;

  constructor(host: Host, reconfigure: () => Promise<ResolvedConfig>, log: Log) {
    this.#reconfigure = reconfigure;
    this.#log = log;
    this.#hangUps = host.onHangUp(() => {
      this.#isAsked = true;
      this.#start();
    });
  }

  /** Whom to reload, started with these sections. */
  follow(server: Pick<RunningServer, 'reload'>, fixed: Fixed): void {
    this.#target = { server, fixed };
    this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#hangUps[Symbol.dispose]();
    this.#isAsked = false;
    await this.#running;
  }

  /** However many signals come while one reload is under way, one more follows it. */
  #start(): void {
    if (this.#isAsked && this.#target !== undefined) this.#running ??= this.#run(this.#target);
  }

  async #run(target: Target): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false;
      await this.#reload(target).catch((error: unknown) => this.#complain(error));
    }
    this.#running = undefined;
  }

  async #reload({ server, fixed }: Target): Promise<void> {
    const { config, warnings } = await this.#reconfigure();
    const { changed, needRestart } = server.reload(config.server);
    const { broker, log } = config;
    const others = diffSettings({ broker: fixed.broker, log: fixed.log }, { broker, log });
    const settings = [...needRestart, ...others.needRestart];
    for (const warning of warnings) this.#log.warn({ warning }, 'configuration warning');
    this.#log.info({ changed }, 'limits reloaded');
    if (settings.length > 0) this.#log.warn({ settings }, 'settings that need a restart');
  }

  #complain(error: unknown): void {
    if (!(error instanceof OdinError)) {
      this.#log.error({ err: error }, 'limits not reloaded');
      return;
    }
    for (const complaint of error.message.split('\n')) {
      this.#log.error({ complaint, hint: error.hint }, 'limits not reloaded');
    }
  }
}
