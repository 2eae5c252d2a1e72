import type { Mapping } from '../mapping/reader';

/** A row of a mapping file that another file does not have, or has otherwise. */
export interface MappingChange {
  kind: 'added' | 'removed' | 'changed';
  /** E.164. */
  number: string;
  /** The users with their validity, as one text per file; empty where the file does not have the number. */
  before: string;
  after: string;
}

/** What a new mapping file changes, number by number, in the order of the numbers. */
export function mappingChanges(before: Mapping | undefined, after: Mapping): MappingChange[] {
  const [old, now] = [usersByNumber(before), usersByNumber(after)];
  const numbers = [...new Set([...old.keys(), ...now.keys()])].toSorted();
  return numbers.flatMap((number): MappingChange[] => {
    const [was = '', is = ''] = [old.get(number), now.get(number)];
    if (was === is) return [];
    return [
      { kind: was === '' ? 'added' : is === '' ? 'removed' : 'changed', number, before: was, after: is },
    ];
  });
}

function usersByNumber(mapping: Mapping | undefined): Map<string, string> {
  const rows = [...(mapping?.all() ?? [])].toSorted((a, b) => a.from - b.from);
  const users = new Map<string, string>();
  for (const { number, address, from, until } of rows) {
    const period = [from, until].map((ms) =>
      Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : '',
    );
    const text = period.some(Boolean) ? `${address} (${period.join(' to ').trim()})` : address;
    users.set(number, [users.get(number), text.toLowerCase()].filter(Boolean).join(', '));
  }
  return users;
}
