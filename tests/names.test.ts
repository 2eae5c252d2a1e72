import { readdirSync, readFileSync } from 'node:fs';
import { connectors } from '../shared/connectors';
import { functionNames, queues } from '../shared/names';

/** One stem per stage: file, function, queue and poison queue carry the same name. */

const hyphened = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const functionFiles = readdirSync('functions').filter((file) => !['main.ts', 'start.ts'].includes(file));
const sourceOf = (file: string) => readFileSync(`functions/${file}`, 'utf8');
const host = JSON.parse(readFileSync('host.json', 'utf8')) as {
  extensionBundle: { id: string };
  extensions: { queues: { maxDequeueCount: number; messageEncoding: string } };
};

describe('the names', () => {
  it('give each function a file of its own stem, and main.ts loads them all', () => {
    expect(functionFiles.toSorted()).toEqual(
      Object.keys(functionNames)
        .map((name) => `${hyphened(name)}.ts`)
        .toSorted(),
    );
    for (const file of functionFiles)
      expect(sourceOf('main.ts')).toContain(`import './${file.replace('.ts', '')}'`);
  });

  it.each(Object.entries(functionNames))('register %s once, in its own file', (key, name) => {
    expect(name).toBe(key);
    expect(name).not.toContain('-');
    expect(sourceOf(`${hyphened(name)}.ts`)).toContain(`functionNames.${name}`);
  });

  it('give queues the stem of their function, and poison queues the suffix that the host appends', () => {
    expect(queues.importItem).toBe(hyphened(functionNames.importItem));
    expect(queues.backfillWindow).toBe(hyphened(functionNames.backfillWindow));
    expect(queues.redriveItem).toBe(hyphened(functionNames.redriveItem));
    expect(queues.importItemPoison).toBe(`${queues.importItem}-poison`);
    expect(queues.backfillWindowPoison).toBe(`${queues.backfillWindow}-poison`);
    expect(queues.redriveItemPoison).toBe(`${queues.redriveItem}-poison`);
  });

  it('are nowhere written as text in the triggers', () => {
    for (const file of functionFiles) {
      const source = sourceOf(file).replace(/^import .*$/gm, '');
      for (const name of [...Object.values(queues), ...Object.values(functionNames)])
        expect(source).not.toContain(`'${name}'`);
    }
  });

  it('agree with what host.json says of queues', () => {
    expect(host.extensions.queues).toMatchObject({ maxDequeueCount: 5, messageEncoding: 'base64' });
    // Without a bundle the host refuses queue and blob functions.
    expect(host.extensionBundle.id).toBe('Microsoft.Azure.Functions.ExtensionBundle');
  });

  it('give each connector a folder and an item class of its own', () => {
    const all = Object.values(connectors);
    expect(new Set(all.map(({ folder }) => folder)).size).toBe(all.length);
    expect(new Set(all.map(({ itemClass }) => itemClass)).size).toBe(all.length);
    expect(all.map(({ folder }) => folder)).toEqual(['WeChat Archiver', 'WhatsApp Archiver']);
  });
});

it.each(functionFiles)('keeps the trigger %s to a few lines', (file) => {
  expect(sourceOf(file).split('\n').length).toBeLessThanOrEqual(26);
});
