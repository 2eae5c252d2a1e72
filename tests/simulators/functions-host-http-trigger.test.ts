import { keys, useApps, useHostStore } from '../support/host-app';

const store = useHostStore();
const start = useApps(store);

describe('HTTP', () => {
  test('passes request and response on complete', async () => {
    const app = await start();
    const answer = await fetch(`${app.origin}/api/echo/42/more?q=%C3%A5`, {
      method: 'POST',
      headers: { 'x-in': 'in' },
      body: 'text åäö',
    });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('x-kind')).toBe('echo');
    expect(answer.headers.get('set-cookie')).toBe('c=v; path=/');
    expect(await answer.json()).toEqual({
      url: `${app.origin}/api/echo/42/more?q=%C3%A5`,
      id: '42',
      query: 'å',
      header: 'in',
      text: 'text åäö',
    });
  });

  test('answers 404 for an unknown route or method, 204 for nothing, and 500 without details of the error', async () => {
    const app = await start();
    expect((await fetch(`${app.origin}/api/echo/notanumber`)).status).toBe(404);
    expect((await fetch(`${app.origin}/api/echo/1`, { method: 'DELETE' })).status).toBe(404);
    expect((await fetch(`${app.origin}/api/nothing`)).status).toBe(204);
    const broken = await fetch(`${app.origin}/api/broken`);
    expect(broken.status).toBe(500);
    expect(await broken.text()).not.toContain('secret detail');
  });

  test('asks for keys by level; a function without a level is open', async () => {
    const app = await start('triggers', { keys });
    const status = async (path: string, key?: string) =>
      (await fetch(`${app.origin}${path}`, { headers: key ? { 'x-functions-key': key } : {} })).status;
    expect(await status('/api/noLevel')).toBe(200);
    expect(await status('/api/echo/1')).toBe(401);
    expect(await status('/api/echo/1', 'the-function')).toBe(202);
    expect(await status('/api/echo/1?code=the-master')).toBe(202);
    expect(await status('/api/forAdmins', 'the-function')).toBe(401);
    expect(await status('/api/forAdmins', 'the-master')).toBe(200);
    expect(await status('/admin/functions', 'the-function')).toBe(401);
    expect(await status('/admin/host/status', 'the-master')).toBe(200);
  });

  test('passes streams through when the app asks for them', async () => {
    const app = await start('streaming');
    const answer = await fetch(`${app.origin}/api/echo/me?q=1`, {
      method: 'POST',
      body: 'x'.repeat(300_000),
    });
    expect(answer.status).toBe(201);
    expect([answer.headers.get('x-who'), answer.headers.get('x-query')]).toEqual(['me', '1']);
    expect(await answer.text()).toBe(`got ${'x'.repeat(300_000)}`);
  });
});
