import { z } from 'zod';

/** The kinds of settings: each says what was expected, never what was found. */

/** True for addresses of this machine, where plain http is accepted. */
export const isLoopback = (url: URL) => ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);

/** An origin: https, or plain http on a loopback address. Anything after the host is refused, lest it be lost. */
export const origin = z.string().transform((text, context) => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(text)) return refuse('expected a URL such as https://example.com');
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url)))
    return refuse('expected https (plain http is accepted for loopback addresses alone)');
  if (url.username || url.password) return refuse('expected no user name or password in the URL');
  if (!/^\/?$/.test(url.pathname) || url.search || url.hash)
    return refuse('expected an origin, without path or query');
  return url.origin;
});

/** A whole number within bounds. */
export const whole = (min: number, max: number, preset: number) =>
  z
    .string()
    .regex(/^\d+$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `expected ${min} to ${max}`).max(max, `expected ${min} to ${max}`))
    .default(preset);

/** `true` or `false`. */
export const onOff = (preset: boolean) =>
  z
    .enum(['true', 'false'], { error: 'expected true or false' })
    .transform((value) => value === 'true')
    .default(preset);

/** The name of a Key Vault secret. */
export const secretName = (preset: string) =>
  z
    .string()
    .regex(/^[0-9a-zA-Z-]{1,127}$/, 'expected a Key Vault secret name: letters, digits and hyphens')
    .default(preset);

/** An NCRONTAB expression, UTC. */
export const schedule = (preset: string) =>
  z
    .string()
    .regex(/^\S+( \S+){5}$/, 'expected an NCRONTAB expression of six fields')
    .default(preset);
