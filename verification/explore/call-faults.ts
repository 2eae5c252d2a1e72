/** What can go wrong at one operation. */

const everywhere = {
  /** The worker dies before the request is sent. */
  crash: 'the worker dies before it',
  crashAfter: 'the worker dies after it',
  crashLate: 'the worker dies; the request lands after the next look',
  error: 'it fails, without effect',
  lostAnswer: 'it takes effect, the answer is lost',
  timeOut: 'no answer and no effect, which the caller cannot know',
  late: 'no answer; it takes effect after the next look',
  lateAlone: 'no answer; it takes effect minutes later',
  repeat: 'the client sends it twice and sees the second answer',
  yield: 'everything else runs first',
  stall: 'the worker freezes before it for longer than its lease',
  stallAfter: 'the worker freezes after it for longer than its lease',
  freeze: 'the worker freezes before it for hours',
  freezeAfter: 'the worker freezes after it for hours',
  slow: 'the service takes longer than the lease',
  tardy: 'the mailbox takes a third of the lease for each request from now on',
} as const;

const own = {
  never: 'the trigger never comes',
  twice: 'the trigger comes twice',
  redeliver: 'the message is handed to the other worker as well',
  throttled: 'the mailbox asks for a minute of patience',
  cooling: 'the mailbox throttles for hours',
  broken: 'the mailbox takes nothing for a day',
  full: 'the mailbox refuses for good',
  folderGone: 'the folder is not there any more',
  refused: 'the app is refused',
  cursorExpired: 'the site forgot the cursor',
  truncated: 'the page breaks off and comes again',
  damaged: 'a line is lost in transfer',
} as const;

export const faultTexts = { ...everywhere, ...own };
export type Fault = keyof typeof faultTexts;

export interface Operation {
  name: string;
  /** What it touches. */
  key: string;
  faults: readonly Fault[];
  /** The error of a request that failed without effect, where it is a particular one. */
  failed?: () => Error;
  /** The error of a request without an answer, where it is a particular one. */
  lost?: () => Error;
  /** A request that lands late lands right after this operation on the same key. */
  landsAfter?: string;
  signal?: AbortSignal;
}

/** Reading what never changes: only that it fails or that the worker dies matters. */
export const fixedRead = ['crash', 'error'] as const satisfies Fault[];
export const read = ['crash', 'error', 'yield', 'stall'] as const satisfies Fault[];
export const write = [
  'crash',
  'crashAfter',
  'crashLate',
  'error',
  'lostAnswer',
  'late',
  'repeat',
  'yield',
  'stall',
  'stallAfter',
  'freeze',
  'freezeAfter',
] as const satisfies Fault[];

/** Faults after which a request is still under way somewhere, so that two copies may stand for a moment. */
export const unfenced: readonly Fault[] = [
  'crashLate',
  'late',
  'lateAlone',
  'stall',
  'stallAfter',
  'freeze',
  'freezeAfter',
];
/** Faults that an item may be quarantined for. */
export const fatal: readonly Fault[] = ['full', 'broken'];
