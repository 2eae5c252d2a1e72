import type { SourceMessage } from '../telemessage/message';
import { numberKey } from './number-key';
import type { Email, Party } from './email';
import { cutTo, oneLine } from './safe-text';
import { usableAddress } from './smtp-address';

type Entry = SourceMessage['usersEmailAddress'][number];

const maxTextLength = 256;

/**
 * The entries of *User's Email address* that a search in the item's own fields does not find: those with an
 * address that is no sender's and no recipient's, and those with a number alone that none of them has. Each once,
 * in the source's order, as `Name number <address>` on one line.
 */
export function furtherParticipants(
  { from, to, cc }: Pick<Email, 'from' | 'to' | 'cc'>,
  entries: readonly Entry[],
): string[] {
  const found = new Set<string>();
  for (const { address, number } of [...(from ? [from] : []), ...to, ...cc] satisfies Party[]) {
    // In place of another one stands a made one.
    if (address !== undefined && usableAddress(address) !== undefined) found.add(addressKey(address));
    if (number !== undefined) found.add(numberKey(number));
  }
  const further: string[] = [];
  for (const { emailAddress, mobileNumber, firstName, lastName } of entries) {
    const address = line(emailAddress);
    const number = line(mobileNumber);
    const key = address === '' ? numberKey(number) : addressKey(address);
    if (key === '' || found.has(key)) continue;
    found.add(key).add(numberKey(number));
    const words = [line(firstName), line(lastName), number].filter((word) => word !== '').join(' ');
    further.push(words === '' ? address : address === '' ? words : `${words} <${address}>`);
  }
  return further;
}

function line(text: string | undefined): string {
  return cutTo(maxTextLength, oneLine(text ?? ''));
}

function addressKey(address: string): string {
  return address.trim().toLowerCase();
}
