/** Reload: what of a new configuration a running node takes on; apart from `Limits` for its schema. */
import type { Config } from '../config/schema.ts';
import { diffSettings, type SettingsDiff, withReloadable } from '../config/settings-diff.ts';
import type { Limits } from './limits.ts';

/** What became of a new configuration: what is in force now, and what is not. */
export type ReloadOutcome = SettingsDiff;

/**
 * Takes on what can be taken on, and says what cannot. Throws a UsageError when a value is no good;
 * then everything stays as it was.
 */
export function reload(limits: Limits, next: Config['server']): ReloadOutcome {
  const { config } = limits;
  const outcome = diffSettings({ server: config }, { server: next });
  limits.take(withReloadable(config, next));
  return outcome;
}
