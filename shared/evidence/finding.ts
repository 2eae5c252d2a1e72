import type { ConnectorId } from '../connectors';

/** What `verify` can find. The sentence says what the finding means; docs/records.md explains what to do. */
export const findingKinds = {
  manifestMissing: 'A number of the chain has no manifest, and a later one has.',
  manifestAltered: 'The manifest is not the one that was committed under its number.',
  linkBroken: 'The manifest does not carry the hash of the one before it.',
  foreignBlob: 'A blob among the manifests has no place in the chain.',
  anchorUnknown: 'No manifest of any chain has the hash that was kept elsewhere.',
  runBroken: 'A batch of the window is missing, or one came after the last.',
  windowGap: 'No window covers this interval.',
  windowOverlap: 'Two daily windows cover the same interval.',
  pageMissing: 'A page that a manifest commits does not exist.',
  pageAltered: 'A page differs from what its manifest says: size, items or SHA-256.',
  outcomeMissing: 'An item of a closed batch has no outcome.',
  outcomeTwice: 'An item has two outcomes.',
  outcomeForeign: 'An outcome names an item that the batch does not have.',
  quarantineMissing: 'An outcome has a reason, and the item is not in quarantine.',
  countersAltered: 'The counters of a closed batch are not those of its outcomes.',
  unbalanced: 'A sum of the batch does not balance.',
  ledgerMissing: 'An outcome counts a delivery that the ledger does not have.',
  ledgerForeign: 'The ledger has a delivery that no outcome counts.',
  messageMissing: 'The mailbox does not show the message of a delivery.',
  messageAltered: 'The message of a delivery carries the key of another item.',
  mailboxUnreadable: 'The mailbox, or the folder, does not let the check in.',
  messageForeign: 'A folder holds a message of the archive that no delivery made.',
  auditBroken: 'An entry of the audit trail is missing or altered.',
} as const;

export type FindingKind = keyof typeof findingKinds;

/** One claim of the archive that does not hold, and where. Names ids and hashes only, nothing of an item. */
export interface Finding {
  kind: FindingKind;
  connector?: ConnectorId;
  /** Number in the connector's chain. */
  batch?: number;
  blob?: string;
  position?: number;
  userId?: string;
  /** What was expected and what was found. */
  detail: string;
}

export type Report = (finding: Finding) => void;
