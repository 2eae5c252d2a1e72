import type { Mapping } from './parse-mapping';
import type { Participant } from '../participants/participants';

/**
 * Finds a user of the organisation by user principal name, mail, proxy address or object id: one with a usable
 * mailbox (`folderId` is the folder to file into), one without (`folderId` undefined), or nobody.
 */
export type LookUp = (
  address: string,
) => Promise<{ userId: string; folderId: string } | { userId: string; folderId: undefined } | undefined>;

/** How a connector maps participants. At least one of the two is on; the settings see to it. */
export interface MappingRules {
  /** Look for the participants' e-mail addresses. */
  automatic: boolean;
  /** The uploaded mapping, when custom mapping is on. */
  custom?: Mapping | undefined;
}

export interface Mailbox {
  userId: string;
  folderId: string;
}

/** What became of one participant. */
export type Resolution =
  | ({ kind: 'mailbox'; participant: Participant } & Mailbox)
  /** A person of the organisation (in its directory, or named by the mapping file) without usable mailbox. */
  | { kind: 'noMailbox'; participant: Participant }
  /** Nobody of the organisation. */
  | { kind: 'external'; participant: Participant };

/** Groups have hundreds of members; each look-up may be a request to Microsoft Graph. */
const maxLookUps = 8;

/**
 * Maps every participant. The mapping file is looked at first; where it names no valid user for any of the
 * participant's numbers, the e-mail addresses are tried, and where they name none either, the participant has no
 * mailbox (the order of Microsoft's connectors). A row whose user does not exist or has no mailbox names no
 * valid user.
 *
 * @param at instant of the communication, ISO-8601 UTC, on which the mapping file's rows must be valid
 * @returns one resolution per participant, in their order, and each mailbox once, however many participants
 *   share it
 * @throws whatever the look-up throws; nothing is resolved then
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
    if (one.kind === 'mailbox' && !mailboxes.has(one.userId)) {
      mailboxes.set(one.userId, { userId: one.userId, folderId: one.folderId });
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
    if (user?.folderId !== undefined) {
      return { kind: 'mailbox', userId: user.userId, folderId: user.folderId, participant };
    }
    ofOrganisation ||= user !== undefined;
  }
  return { kind: ofOrganisation ? 'noMailbox' : 'external', participant };
}

/** Participants can share an address: a family, a desk, a row of the mapping file. */
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
  act: (input: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(inputs.length);
  const waiting = inputs.entries();
  let failed = false;
  const worker = async () => {
    for (const [index, input] of waiting) {
      if (failed) return;
      results[index] = await act(input).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(bound, inputs.length) }, worker));
  return results;
}
