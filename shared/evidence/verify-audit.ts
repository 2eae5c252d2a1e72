import type { Deps } from '../deps';
import { entryBlob, storedEntry } from '../storage/audit';
import { sha256 } from '../storage/manifest';
import type { Report } from './finding';

/** Walks the audit trail: every number has its entry, and each entry carries the hash of the one before. Gives their count. */
export async function verifyAudit({ audit }: Pick<Deps, 'audit'>, report: Report): Promise<number> {
  let last = 0;
  // A listing, because a search for the end stops at a gap.
  for await (const number of audit.list()) last = Math.max(last, number);
  let before: string | null | undefined = null;
  let count = 0;
  for (let number = 1; number <= last; number++) {
    const blame = (detail: string) => report({ kind: 'auditBroken', blob: entryBlob(number), detail });
    const bytes = await audit.readBytes(number);
    if (!bytes) {
      blame(`expected entry ${number}: the trail goes on behind it`);
      before = undefined;
      continue;
    }
    count++;
    try {
      const { entry } = storedEntry(bytes);
      if (entry.number !== number) blame(`it calls itself number ${entry.number}`);
      else if (before !== undefined && entry.previousSha256 !== before)
        blame(
          `expected the hash ${before ?? 'of none'} of entry ${number - 1}, found ${entry.previousSha256 ?? 'none'}`,
        );
    } catch {
      blame('expected JSON of an entry that this release knows');
    }
    before = sha256(bytes);
  }
  return count;
}
