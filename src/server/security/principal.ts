/** Principal: who a token stands for, or why it was not taken. */
import type { ChannelGrants } from './channel-grants.ts';

/** Who is connected. Never changes; a refresh replaces it. */
export interface Principal {
  /** The claim `sub`. */
  readonly user: string;
  /** The claim `exp`, in milliseconds since 1970. */
  readonly expiresMs: number;
  readonly grants: ChannelGrants;
}

/** Why a token was not taken. `reason` is for logs and never holds the token. */
export interface TokenRefusal {
  readonly code: 'INVALID_TOKEN' | 'AUTH_UNAVAILABLE';
  readonly reason: string;
}

/** Whether a token was not taken. */
export function isRefusal(result: Principal | TokenRefusal): result is TokenRefusal {
  return 'code' in result;
}
