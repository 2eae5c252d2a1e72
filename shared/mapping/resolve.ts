import type { Participant } from '../participants/participants';
import type { Mapping } from './reader';

/**
 * Finds a user of the organisation by user principal name, mail, proxy address or object id. `folderId` is the
 * folder to file into; it is undefined if the user has no usable mailbox.
 */
export type LookUp = (
  address: string,
) => Promise<Mailbox | { userId: string; folderId: undefined } | undefined>;

/** How a connector maps participants. The settings guarantee that at least one of the two is on. */
export interface MappingRules {
  /** Look up the participants' e-mail addresses. */
  automatic: boolean;
  /** The uploaded mapping, if custom mapping is on. */
  custom?: Mapping | undefined;
}

export interface Mailbox {
  userId: string;
  /** The folder to file into; empty if it could not be looked up. */
  folderId: string;
  /** Why the folder could not be looked up. The user is mapped anyway. */
  folderError?: unknown;
}

/** Where one participant's copy goes. */
export type Resolution =
  | { kind: 'mailbox'; participant: Participant; mailbox: Mailbox }
  /** A person of the organisation (in its directory, or in the mapping file) without a usable mailbox. */
  | { kind: 'noMailbox'; participant: Participant }
  /** A person outside the organisation. */
  | { kind: 'external'; participant: Participant };

/** Groups have hundreds of members, and each look-up may be a request to Microsoft Graph. */
const maxLookUps = 8;

/**
 * Finds the mailbox of every participant: first by the participant's numbers in the mapping file, then by the e-mail
 * addresses. This is the order of Microsoft's connectors. A row of the file is
 * ignored if its user does not exist or has no mailbox.
 *
 * @param at instant of the communication, ISO-8601 UTC, at which a row of the mapping file must be valid
 * @returns one resolution per participant, in the same order; and each mailbox once, even if participants share it
 * @throws what the look-up throws; nothing is resolved then
 */
export async function resolve(
  participants: readonly Participant[],
  rules: MappingRules,
  at: string,
  lookUp: LookUp,
): Promise<{ resolutions: Resolution[]; mailboxes: Mailbox[] }> {
  const find = oncePerAddress(lookUp);
  const resolutions = await mapBounded(participants, maxLookUps, (one) => resolveOne(one, rules, at, find));
  const mailboxes = new Map<string, Mailbox>();
  for (const one of resolutions) {
    if (one.kind === 'mailbox' && !mailboxes.has(one.mailbox.userId)) {
      mailboxes.set(one.mailbox.userId, one.mailbox);
    }
  }
  return { resolutions, mailboxes: [...mailboxes.values()] };
}

async function resolveOne(
  participant: Participant,
  rules: MappingRules,
  at: string,
  lookUp: LookUp,
): Promise<Resolution> {
  const named = participant.numbers.flatMap((number) => rules.custom?.find(number, at) ?? []);
  let ofOrganisation = named.length > 0;
  for (const address of [...named, ...(rules.automatic ? participant.addresses : [])]) {
    const user = await lookUp(address);
    if (user?.folderId !== undefined) return { kind: 'mailbox', mailbox: user, participant };
    ofOrganisation ||= user !== undefined;
  }
  return { kind: ofOrganisation ? 'noMailbox' : 'external', participant };
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

async function mapBounded<T, R>(
  inputs: readonly T[],
  bound: number,
  map: (input: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(inputs.length);
  const waiting = inputs.entries();
  let failed = false;
  const worker = async () => {
    for (const [index, input] of waiting) {
      if (failed) return;
      results[index] = await map(input).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(bound, inputs.length) }, worker));
  return results;
}
