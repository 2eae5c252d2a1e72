import { useApps } from '../support/host-app';

const start = useApps({ connectionString: 'UseDevelopmentStorage=true' });

test('an app that throws before its first registration loads without functions, and says so', async () => {
  const app = await start('throws-early');
  expect(app.functions).toEqual([]);
  expect(app.lines.join('\n')).toMatch(/unable to load entry point "main.js": the setting FOO is missing/);
  expect(app.lines.join('\n')).toMatch(/No job functions found/);
});

test('an app whose main matches no file loads without functions', async () => {
  const app = await start('no-match');
  expect(app.functions).toEqual([]);
});

test('an app that throws after a registration does not load', async () => {
  await expect(start('throws')).rejects.toThrow(
    'Worker was unable to load entry point "main.js": the setting FOO is missing',
  );
});

test('loads the fixed parts of a brace glob before the parts with wildcards', async () => {
  const app = await start('globbed');
  const answer = await fetch(`${app.origin}/api/ordera`);
  expect(await answer.json()).toEqual(['zz-first', 'a', 'b']);
});

test('refuses functions with an unresolved setting, a wrong schedule, or without an extension bundle', async () => {
  const app = await start('refused');
  expect(app.functions).toEqual([{ name: 'open', disabled: false }]);
  expect(app.refused.map(({ name, reason }) => [name, reason.slice(0, 40)])).toEqual([
    ['noBundle', "The binding type(s) 'queueTrigger' are n"],
    ['noBundleBlob', "The binding type(s) 'blobTrigger' are no"],
    ['unresolved', "'%NOWHERE%' does not resolve to a value."],
    ['badSchedule', "The schedule expression '0 0 0 L * *' wa"],
    ['span', "The schedule expression '00:05:00' was n"],
  ]);
  const status = (await (await fetch(`${app.origin}/admin/host/status`)).json()) as { errors: string[] };
  expect(status.errors).toHaveLength(5);
});
