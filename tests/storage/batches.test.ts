import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { containers } from '../../shared/names';
import type { Account } from '../../shared/storage/account.client';
import { createBatches } from '../../shared/storage/batches.client';
import { manifestBlob } from '../../shared/storage/manifest';
import { refuse, withAnswers } from '../support/answering-account';
import { manifest } from '../support/manifest';
import { useStore } from '../support/store';

const { account } = useStore();

async function* chunks(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part);
}

describe('batches', () => {
  const batches = () => createBatches(account.container(containers.batches));

  it('do not write a page twice', async () => {
    const blob = `pages/${randomUUID()}`;
    await batches().writePage(blob, chunks('one\n'));
    await expect(batches().writePage(blob, chunks('two\n'))).rejects.toThrow();
    expect((await batches().readRange(blob, 0, 3)).toString()).toBe('one');
  });

  it('read small neighbours with one request, large items alone, and never beyond the page', async () => {
    const blob = `pages/${randomUUID()}`;
    const lines = Array.from({ length: 300 }, (_, number) =>
      `${number}`.padEnd(number % 50 === 7 ? 40_000 : 700, '.'),
    );
    await batches().writePage(blob, chunks(...lines));
    const requests = new Set<string>();
    const container = account.container(containers.batches);
    const getBlobClient = container.getBlobClient.bind(container);
    container.getBlobClient = (name) => {
      const client = getBlobClient(name);
      const download = client.download.bind(client);
      client.download = (offset, count) => (requests.add(`${offset} ${count}`), download(offset, count));
      return client;
    };
    const own = createBatches(container);
    const starts = lines.map((_, at) => lines.slice(0, at).join('').length);
    const read = await Promise.all(lines.map((line, at) => own.readRange(blob, starts[at]!, line.length)));
    expect(read.map(String)).toEqual(lines);
    const bytes = lines.join('').length;
    expect(requests.size).toBe(Math.ceil(bytes / 65_536) + 6);
    await expect(own.readRange(blob, bytes - 10, 11)).rejects.toThrow('A page holds 10 of 11 bytes');
    await expect(own.readRange(blob, bytes, 1)).rejects.toThrow();
  });

  it('store nothing of a page whose content fails', async () => {
    const blob = `pages/${randomUUID()}`;
    async function* broken() {
      yield Buffer.from('half');
      throw new Error('the transfer broke off');
    }
    await expect(batches().writePage(blob, broken())).rejects.toThrow('broke off');
    await expect(batches().readRange(blob, 0, 1)).rejects.toThrow();
  });

  it('give each number of the chain to one manifest only', async () => {
    expect(await batches().commit(manifest(1))).toBe(true);
    expect(await batches().commit(manifest(1, { run: { ...manifest(1).run, name: 'daily-2' } }))).toBe(false);
    expect(await batches().commit(manifest(2))).toBe(true);
    expect(await batches().head('wechat', 0)).toBe(2);
    expect((await batches().read('wechat', 1))?.manifest.run.name).toBe('daily-1');
    expect(await batches().read('wechat', 3)).toBeUndefined();
  });

  it('accept a commit that is sent again because its answer was lost', async () => {
    const number = (await batches().head('wechat', 0)) + 1;
    expect(await batches().commit(manifest(number))).toBe(true);
    expect(await batches().commit(manifest(number))).toBe(true);
  });

  it('are not read when a newer release wrote their manifest', async () => {
    const text = JSON.stringify({ ...manifest(1), connector: 'whatsapp', v: 2 });
    const blob = account.container(containers.batches).getBlockBlobClient(manifestBlob('whatsapp', 1));
    await blob.upload(text, text.length);
    await expect(batches().read('whatsapp', 1)).rejects.toThrow('"v"');
    await blob.delete();
  });

  it('read an empty line as no bytes', async () => {
    expect(await batches().readRange('pages/none', 0, 0)).toHaveLength(0);
  });
});

describe('a refused request', () => {
  const batchesOf = (from: Account) => createBatches(from.container(containers.batches));

  it('is not reported as the end of the chain', async () => {
    const read = (from: Account) => batchesOf(from).read('wechat', 1);
    await expect(withAnswers(refuse, read)).rejects.toMatchObject({ statusCode: 403 });
  });

  const answerToPut =
    (status: number): RequestListener =>
    ({ method }, response) =>
      void response.writeHead(method === 'PUT' ? status : 404).end();

  it('for a manifest is not reported as a number that is taken', async () => {
    const commit = (from: Account) => batchesOf(from).commit(manifest(1));
    await expect(withAnswers(answerToPut(403), commit)).rejects.toMatchObject({ statusCode: 403 });
  });

  it.each([409, 412])('for a manifest is a number that is taken when the answer is %d', async (status) => {
    const commit = (from: Account) => batchesOf(from).commit(manifest(1));
    expect(await withAnswers(answerToPut(status), commit)).toBe(false);
  });
});
