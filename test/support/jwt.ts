/** Tokens for tests, signed with a secret that a test server is given. */
import { type JWTPayload, SignJWT } from 'jose';

/** The secret of test servers that want tokens. */
export const jwtSecret = 'a secret of the tests, long enough for it';

/** A token of user `ann` that holds for a minute, unless `claims` say otherwise. */
export function tokenFor(claims: JWTPayload = {}, secret: string = jwtSecret): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 60;
  return new SignJWT({ sub: 'ann', exp, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret));
}

/** A moment for `exp`, which is in whole seconds: no sooner than so many from now. */
export function secondsFromNow(seconds: number): number {
  return Math.ceil(Date.now() / 1_000) + seconds;
}
