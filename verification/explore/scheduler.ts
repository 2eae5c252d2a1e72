import type { Fault, Operation } from './call-faults';

/** What a twin and the simulation say to each other. */

/** Runs the effect when the operation's turn comes; `fault` is one that the operation has to show by itself. */
export type Io = <T>(operation: Operation, effect: (fault?: Fault) => T) => Promise<T>;

/** A worker process: what it was doing is never heard of again once it crashed. */
export interface Process {
  name: string;
  alive: boolean;
  /** How far its clock is ahead. */
  aheadMs: number;
  /** Until then it does nothing: no operation, no prolonging of a message's invisibility. */
  frozenUntilMs: number;
}

/** A turn at which something can go wrong. */
export interface Point {
  index: number;
  /** Since the start, in virtual time. */
  atMs: number;
  operation: string;
  key: string;
  /** The invocation that is at it. */
  invocation: string;
  faults: readonly Fault[];
}
