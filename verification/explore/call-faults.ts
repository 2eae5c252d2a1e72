/** What can go wrong when a stage calls something outside itself, and at which calls. */

const atManyCalls = {
  crash: 'the worker dies before it',
  crashAfter: 'the worker dies after it',
  crashLate: 'the worker dies; the request takes effect after the next look-up',
  error: 'it fails, without effect',
  lostAnswer: 'it takes effect, the answer is lost',
  timeOut: 'no answer and no effect, which the caller cannot know',
  late: 'no answer; it takes effect after the next look-up',
  lateAlone: 'no answer; it takes effect minutes later',
  repeat: 'the client sends it twice and sees the second answer',
  yield: 'everything else runs first',
  stall: 'the worker freezes before it for longer than its lease',
  stallAfter: 'the worker freezes after it for longer than its lease',
  freeze: 'the worker freezes before it for hours',
  freezeAfter: 'the worker freezes after it for hours',
  slow: 'the service takes longer than the lease',
  hang: 'it never ends: the host ends the worker, with everything in it, when the function times out',
  tardy: 'the mailbox takes a third of the lease for each request from now on',
} as const;

/** Faults that the model shows by itself: it is told which one, and decides what the call returns. */
const atOneKindOfCall = {
  never: 'the trigger never comes',
  twice: 'the trigger comes twice',
  redeliver: 'the other worker gets the message as well',
  throttled: 'the mailbox asks the app to wait a minute',
  cooling: 'the mailbox throttles for hours',
  broken: 'the mailbox takes nothing for a day',
  full: 'the mailbox refuses for good',
  folderGone: 'the folder no longer exists',
  refused: 'the service refuses the app',
  cursorExpired: 'the site has forgotten the cursor',
  truncated: 'the page breaks off and is sent again',
  damaged: 'a line is lost in transfer',
  deadline: 'the time for reading an item is over',
  folderMoved: 'the user deletes the folder; what is in it stays there',
  userLeaves: 'the user is removed from the directory, and the mailbox stays',
  scopeLeft: 'the mailbox leaves the scope of the app',
  mappingChanged: 'the mapping file is replaced by one that maps to another mailbox',
  limitLowered: 'the administrator lowers the size limit below every item',
} as const;

export const faultTexts = { ...atManyCalls, ...atOneKindOfCall };
export type Fault = keyof typeof faultTexts;

/** A call that leaves a stage. */
export interface Operation {
  name: string;
  /** The row, blob, message or mailbox that it touches. */
  key: string;
  /** The faults that can be injected here. */
  faults: readonly Fault[];
  /** The error of a request that failed without effect, unless any error will do. */
  failed?: () => Error;
  /** The error of a request without an answer, unless any error will do. */
  lost?: () => Error;
  /** A late request takes effect right after the next operation of this name on the same key. */
  landsAfter?: string;
  signal?: AbortSignal;
  /** The worker dies whenever it does this. */
  kills?: boolean;
}

/** Reading what never changes: it matters only that the call fails or the worker dies. */
export const fixedRead = ['crash', 'error', 'hang'] as const satisfies Fault[];
export const read = ['crash', 'error', 'yield', 'stall', 'hang'] as const satisfies Fault[];
export const write = [
  'crash',
  'crashAfter',
  'crashLate',
  'error',
  'hang',
  'lostAnswer',
  'late',
  'repeat',
  'yield',
  'stall',
  'stallAfter',
  'freeze',
  'freezeAfter',
] as const satisfies Fault[];

/** Faults that leave a request under way after its worker has gone on: two copies may exist for a moment. */
export const unfenced: readonly Fault[] = [
  'crashLate',
  'late',
  'lateAlone',
  'stall',
  'stallAfter',
  'freeze',
  'freezeAfter',
];
/** Faults that may send an item to quarantine. */
export const fatal: readonly Fault[] = [
  'full',
  'broken',
  'deadline',
  'userLeaves',
  'scopeLeft',
  'mappingChanged',
  'limitLowered',
];
