import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
const [, section = ''] = /^## Where is …\?$([^]*?)^## /m.exec(page) ?? [];
const answers = [...section.matchAll(/^\| (.+?) +\| (.+?) +\|$/gm)]
  .map(([, question, answer]) => ({
    question: question!,
    files: [...answer!.matchAll(/`([^`]+)`/g)].map(([, file]) => file!),
  }))
  .filter(({ files }) => files.length > 0);

/** What the first file of each answer must contain. */
const proofs: Record<string, RegExp> = {
  'a phone number normalised': /E\.164/,
  '`Retry-After` parsed': /RFC 9110/,
  'the size rule': /applySizeRules/,
  "the ledger's row": /interface LedgerRow/,
  'poison handled': /importItemPoison/,
  'a recall linked to its message': /RECALL/,
  'the folder created': /ErrorFolderExists/,
  'the chain hashed': /createHash/,
  'the chain checked': /linkBroken/,
  'an act written down': /previousSha256/,
  "a day's beginning": /startOfDay/,
  'a large file left in its page': /export async function outlineOf/,
  'a crowded mailbox': /export function createMailboxGate/,
  'retry or quarantine decided': /nextStepAfter/,
  'the subject made': /madeSubject/,
  'a word in five languages': /Korean|zh-CN/,
  'the schedule set': /FETCH_SCHEDULE/,
  'UTF-7 read': /utf-?7/i,
};

describe('CONTRIBUTING.md', () => {
  it('answers the questions of a newcomer', () => {
    expect(answers.map(({ question }) => question)).toEqual(Object.keys(proofs));
  });

  it.each(answers)('names at most two files that answer where is "$question"', ({ question, files }) => {
    expect(files.length).toBeLessThanOrEqual(2);
    for (const file of files) expect([file, existsSync(join(root, file))]).toEqual([file, true]);
    expect(readFileSync(join(root, files[0]!), 'utf8')).toMatch(proofs[question]!);
  });
});
