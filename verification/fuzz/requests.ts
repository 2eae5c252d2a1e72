import type { AppDeps } from '../../shared/deps';
import { answerPreflight } from '../../shared/preflight/preflight';
import type { Random } from '../../simulators/samples/random';
import { Finding } from './invariants';
import { changed, damaged, odd, type Json } from './mutate';
import { people } from './people';

/** Bodies for the app's HTTP interface, from whoever has its key. */

const secret = 'seeded-secret-of-a-request';
const settled = new Set(['ok', 'failed', 'skipped']);

export function requestCase(r: Random): { input: Buffer; run: () => Promise<string> } {
  const whole: Json = {
    mailbox: r.pick(people).upn,
    ...(r.chance(0.5) ? { outside: r.pick(people).upn } : {}),
  };
  const kinds: (() => Buffer)[] = [
    () => Buffer.from(JSON.stringify(whole)),
    () => damaged(Buffer.from(JSON.stringify(whole)), r),
    () => Buffer.from(JSON.stringify(changed(whole, r))),
    () => Buffer.from(JSON.stringify({ ...whole, [secret]: secret })),
    () => Buffer.from(JSON.stringify({ mailbox: odd(r), outside: odd(r) })),
    () => Buffer.from(secret),
  ];
  const input = r.pick(kinds)();
  return {
    input,
    async run() {
      // Nothing behind the interface works: whatever gets through must still end in an answer.
      const deps = { config: { connectors: ['wechat'] }, newId: () => 'id' } as unknown as AppDeps;
      const answer = await answerPreflight(deps, () => new Response(Uint8Array.from(input)).json());
      if (JSON.stringify(answer).includes(secret)) throw new Finding('an answer quotes the request');
      if (answer.status === 400) return 'refused';
      if (!answer.jsonBody.steps.every(({ verdict, detail }) => settled.has(verdict) && detail !== ''))
        throw new Finding('a step has no clear end');
      return 'accepted';
    },
  };
}
