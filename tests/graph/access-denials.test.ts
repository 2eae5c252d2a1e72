import { createAccessDenials } from '../../shared/graph/access-denials';

/** When a denial concerns the whole app. */

function open({ admitting = [], known = [] }: { admitting?: string[]; known?: string[] }) {
  let nowMs = 0;
  const asked: string[] = [];
  const denials = createAccessDenials({
    limit: 3,
    now: () => nowMs,
    known: () => Promise.resolve(known),
    ask(mailbox) {
      asked.push(mailbox);
      return Promise.resolve(admitting.includes(mailbox));
    },
  });
  return {
    denials,
    asked,
    admitting,
    pass: (ms: number) => (nowMs += ms),
    async denied(...mailboxes: string[]) {
      const found: boolean[] = [];
      for (const mailbox of mailboxes) found.push(await denials.denied(mailbox));
      return found;
    },
  };
}

test('the whole app is denied when different mailboxes deny it in a row and none has ever let it in', async () => {
  const { denied, asked } = open({});
  expect(await denied('a', 'a', 'a', 'b')).toEqual([false, false, false, false]);
  expect(await denied('c', 'd')).toEqual([true, true]);
  expect(asked).toEqual([]);
});

test('only those mailboxes deny it while one that let it in before still does, however many they are', async () => {
  const { denials, denied, asked } = open({ admitting: ['x'] });
  denials.admitted('x');
  expect(new Set(await denied(...Array.from({ length: 50 }, (_, at) => `m${at}`)))).toEqual(new Set([false]));
  // One question for every few denials.
  expect(asked.length).toBeLessThan(20);
});

test('a mailbox that an earlier process worked with is asked as well', async () => {
  const { denied, asked } = open({ admitting: ['x'], known: ['a', 'w', 'x'] });
  expect(await denied('a', 'b', 'c')).toEqual([false, false, false]);
  expect(asked).toEqual(['w', 'x']);
});

test('the whole app is denied when those deny it too, and is asked again some time later', async () => {
  const world = open({ admitting: [], known: ['x'] });
  world.denials.admitted('y');
  expect(await world.denied('a', 'b', 'c', 'd')).toEqual([false, false, true, true]);
  expect(world.asked).toEqual(['y', 'x']);
  world.admitting.push('x');
  world.pass(60_000);
  expect(await world.denied('e')).toEqual([false]);
});
