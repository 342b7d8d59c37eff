/** The settings that a run went by, which are fewer than it had. */
import { idleSettings } from '../../config/idle-settings.ts';
import { configSchema } from '../../config/schema.ts';
import type { LoadTestConfig } from '../plan/plan.ts';

/** The settings of a run, and the names of those that had no effect. */
export interface UsedSettings {
  readonly settings: LoadTestConfig;
  readonly idle: ReadonlySet<string>;
}

/** From the settings in a report; those that an older one lacks were as they are by default. */
export function usedSettings(config: LoadTestConfig): UsedSettings {
  const { loadtest: defaults } = configSchema.parse({ loadtest: {} });
  const settings = { ...defaults, ...config };
  return {
    settings: { ...settings, profiles: profilesIn(settings) },
    idle: idleSettings(settings),
  };
}

/** Of the profiles of one's own those that are in the mix. */
function profilesIn({ profiles = {}, mix }: LoadTestConfig): LoadTestConfig['profiles'] {
  const named = Object.entries(profiles).filter(([name]) =>
    mix.some((part) => part.startsWith(`${name}=`)),
  );
  return named.length === 0 ? undefined : Object.fromEntries(named.toSorted());
}
