import { addressDomain } from '../participants/address';
import type { Participant } from '../participants/participants';
import type { Mapping } from './reader';

/** A user of the organisation's directory. */
export interface FoundUser {
  userId: string;
  /** The folder to file into; empty if it could not be looked up, undefined if the user has no usable mailbox. */
  folderId: string | undefined;
  /** Why the folder could not be looked up. The user is mapped anyway. */
  folderError?: unknown;
  /** True for a guest: a person of another organisation. */
  isGuest?: boolean | undefined;
  /** Domains of the user's addresses, in lower case. */
  domains?: readonly string[] | undefined;
}

/** Finds a user of the organisation by user principal name, mail, proxy address or object id. */
export type LookUp = (address: string) => Promise<FoundUser | undefined>;

/** How a connector maps participants. The settings guarantee that at least one of the two is on. */
export interface MappingRules {
  /** Look up the participants' e-mail addresses. */
  automatic: boolean;
  /** The uploaded mapping, if custom mapping is on. */
  custom?: Mapping | undefined;
  /** Domains that are the organisation's, besides those of the users found; lower case. */
  domains?: readonly string[] | undefined;
}

/** When an item was sent, as far as its source says, and when it arrived; ISO-8601 UTC. */
export interface ItemTimes {
  sentAt?: string | undefined;
  arrivedAt: string;
}

export type Mailbox = FoundUser & { folderId: string };

/** Where one participant's copy goes. */
export type Resolution = { participant: Participant } & (
  | { kind: 'mailbox'; mailbox: Mailbox }
  /** A person of the organisation without a usable mailbox; `userId` if the directory has the person. */
  | { kind: 'noMailbox'; userId?: string | undefined }
  /** The mapping file names other people for the time of sending than for the time of arrival. */
  | { kind: 'uncertain' }
  /** A person outside the organisation. */
  | { kind: 'external' }
  /** A look-up failed: nobody knows yet. */
  | { kind: 'unknown'; error: unknown }
);

/** Groups have hundreds of members, and each look-up may be a request to Microsoft Graph. */
const maxLookUps = 30;
/** A phone that was off sends a day later. With a longer difference, its clock may be wrong. */
const clockBoundMs = 24 * 60 * 60 * 1000;

/**
 * Finds the mailbox of every participant by the rules of docs/mapping.md: first by the participant's numbers in the
 * mapping file, then by the e-mail addresses. This is the order of Microsoft's connectors. A row of the file is ignored
 * if its user does not exist or has no mailbox. A look-up that fails leaves its own participant unknown, and no other.
 *
 * @returns one resolution per participant, in the same order; and each mailbox once, even if participants share it
 */
export async function resolve(
  participants: readonly Participant[],
  rules: MappingRules,
  times: ItemTimes,
  lookUp: LookUp,
): Promise<{ resolutions: Resolution[]; mailboxes: Mailbox[] }> {
  const find = oncePerAddress(lookUp);
  const first = await mapBounded(participants, (one) => resolveOne(one, rules, times, find));
  const domains = organisationDomains(first, rules);
  const resolutions = await mapBounded(first, (one) => settle(one, domains, rules, times, find));
  const mailboxes = new Map<string, Mailbox>();
  for (const one of resolutions)
    if (one.kind === 'mailbox' && !mailboxes.has(one.mailbox.userId))
      mailboxes.set(one.mailbox.userId, one.mailbox);
  return { resolutions, mailboxes: [...mailboxes.values()] };
}

/** A participant without a mailbox, before it is known which domains are the organisation's. */
interface Nowhere {
  kind: 'nowhere';
  participant: Participant;
  /** The mapping file names the participant, or the directory has it as a member. */
  isKnown: boolean;
  userId?: string | undefined;
}

async function resolveOne(
  participant: Participant,
  rules: MappingRules,
  times: ItemTimes,
  lookUp: LookUp,
): Promise<Resolution | Nowhere> {
  const holders = participant.numbers.map((number) => holderOf(rules.custom, number, times));
  if (holders.includes('uncertain')) return { kind: 'uncertain', participant };
  let isKnown =
    holders.some((holder) => holder !== undefined) ||
    participant.addresses.some((address) => rules.custom?.addresses.has(address.toLowerCase()));
  const named = holders.flatMap((holder) => (typeof holder === 'object' ? (holder.address ?? []) : []));
  let userId: string | undefined;
  try {
    for (const address of [...named, ...(rules.automatic ? participant.addresses : [])]) {
      const user = await lookUp(address);
      if (isMailbox(user)) return { kind: 'mailbox', mailbox: user, participant };
      if (user && user.isGuest !== true) isKnown = true;
      userId ??= user?.userId;
    }
  } catch (error) {
    return { kind: 'unknown', error, participant };
  }
  return { kind: 'nowhere', participant, isKnown, userId };
}

/**
 * The number in a display name is asked for last, and only for a person of the organisation: anybody can write any
 * number into their name.
 */
async function settle(
  one: Resolution | Nowhere,
  domains: ReadonlySet<string>,
  { custom }: MappingRules,
  times: ItemTimes,
  lookUp: LookUp,
): Promise<Resolution> {
  if (one.kind !== 'nowhere') return one;
  const { participant, isKnown, userId } = one;
  const isOfDomain = participant.addresses.some((address) => domains.has(addressDomain(address)));
  if (!isOfDomain && !isKnown) return { kind: 'external', participant };
  if (!isOfDomain) return { kind: 'noMailbox', userId, participant };
  const { numberInName } = participant;
  const holder = numberInName === undefined ? undefined : holderOf(custom, numberInName, times);
  if (holder === 'uncertain') return { kind: 'uncertain', participant };
  try {
    const user = holder?.address === undefined ? undefined : await lookUp(holder.address);
    return isMailbox(user)
      ? { kind: 'mailbox', mailbox: user, participant }
      : { kind: 'noMailbox', userId, participant };
  } catch (error) {
    return { kind: 'unknown', error, participant };
  }
}

const isMailbox = (user: FoundUser | undefined): user is Mailbox => user?.folderId !== undefined;

/**
 * Whom the mapping file names for a number; undefined if nobody. Where it names others for the time of sending than for
 * the time of arrival, the arrival counts, unless the two are so far apart that a clock may be wrong. No `address`: the
 * number was somebody's when the item was sent, and is nobody's now.
 */
function holderOf(
  custom: Mapping | undefined,
  number: string,
  { sentAt, arrivedAt }: ItemTimes,
): { address?: string } | 'uncertain' | undefined {
  const onArrival = custom?.find(number, arrivedAt);
  const onSending = sentAt === undefined ? onArrival : custom?.find(number, sentAt);
  if (onArrival?.toLowerCase() === onSending?.toLowerCase())
    return onArrival === undefined ? undefined : { address: onArrival };
  if (Math.abs(Date.parse(sentAt!) - Date.parse(arrivedAt)) > clockBoundMs) return 'uncertain';
  return onArrival === undefined ? {} : { address: onArrival };
}

function organisationDomains(found: readonly (Resolution | Nowhere)[], rules: MappingRules): Set<string> {
  const domains = new Set(rules.domains);
  for (const one of found)
    if (one.kind === 'mailbox') for (const domain of one.mailbox.domains ?? []) domains.add(domain);
  return domains;
}

/** Asks once for each address: participants may share it, such as a desk or a row of the mapping file. */
function oncePerAddress(lookUp: LookUp): LookUp {
  const answers = new Map<string, ReturnType<LookUp>>();
  return (address) => {
    const key = address.toLowerCase();
    const answer = answers.get(key) ?? lookUp(address);
    answers.set(key, answer);
    return answer;
  };
}

async function mapBounded<T, R>(inputs: readonly T[], map: (input: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(inputs.length);
  const waiting = inputs.entries();
  const worker = async () => {
    for (const [index, input] of waiting) results[index] = await map(input);
  };
  await Promise.all(Array.from({ length: Math.min(maxLookUps, inputs.length) }, worker));
  return results;
}
