import { auditVerb } from './audit';
import { coverageVerb } from './coverage';
import { exportVerb } from './export';
import { findVerb } from './find';
import { mappingCheckVerb, mappingHistoryVerb, mappingPutVerb } from './mapping';
import { mailboxVerb } from './mailbox';
import { misdeliveredVerb } from './misdelivered';
import { preflightVerb } from './preflight';
import { quarantineListVerb, quarantineNoteVerb, quarantineShowVerb, redriveVerb } from './quarantine';
import { reportVerb } from './report';
import { statusVerb } from './status';
import type { Verb } from './verb';
import { verifyVerb } from './verify';
import { acceptVerb, backfillVerb, fetchVerb } from './windows';

/** The verbs of the command line, in the order of its help. To add one, add a file and a line here. */
export const verbs: readonly Verb[] = [
  statusVerb,
  preflightVerb,
  verifyVerb,
  reportVerb,
  coverageVerb,
  findVerb,
  exportVerb,
  quarantineListVerb,
  quarantineShowVerb,
  quarantineNoteVerb,
  redriveVerb,
  fetchVerb,
  backfillVerb,
  acceptVerb,
  mappingCheckVerb,
  mappingPutVerb,
  mappingHistoryVerb,
  misdeliveredVerb,
  mailboxVerb,
  auditVerb,
];
