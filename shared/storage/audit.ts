import * as z from 'zod';
import { connectorIds } from '../connectors';
import { sha256 } from './manifest';

/**
 * The audit trail: one blob per act, written once, numbered from 1. Entry n + 1 carries the hash of the bytes of entry
 * n, as manifests do. An entry says who did what and when, never anything of an item.
 */

const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
const interval = { from: z.iso.datetime(), to: z.iso.datetime() };
const connector = z.enum(connectorIds);
const note = z.string().min(1).max(2000);
const settings = z.record(z.string(), z.string());
const position = z.int().nonnegative();
const batch = z.int().positive();

/** What was done, with what it changed. */
export const act = z.discriminatedUnion('act', [
  /** A mapping file came into force. `before` and `after` are the hashes of its bytes. */
  z.strictObject({
    act: z.literal('mappingChanged'),
    connector,
    before: sha256Hex.nullable(),
    after: sha256Hex,
    rows: z.int(),
  }),
  /** Somebody uploaded a mapping file. */
  z.strictObject({ act: z.literal('mappingPut'), connector, sha256: sha256Hex, rows: z.int() }),
  /** The app runs with other settings, or another release, than before. Secrets are not among them. */
  z.strictObject({ act: z.literal('settingsChanged'), before: settings, after: settings }),
  z.strictObject({
    act: z.literal('redrive'),
    /** How many items were put back, and by what they were chosen. */
    items: z.int(),
    connector: connector.optional(),
    reason: z.string().optional(),
    batch: batch.optional(),
    position: position.optional(),
  }),
  z.strictObject({ act: z.literal('backfill'), connector, ...interval, windows: z.int() }),
  /** Somebody asked that all due windows are fetched now. */
  z.strictObject({ act: z.literal('fetch') }),
  /** A part of time that is incomplete at its source was accepted as it is. */
  z.strictObject({ act: z.literal('accept'), connector, ...interval, note }),
  /** A quarantined item that nothing can mend was acknowledged, or a note was added to one. */
  z.strictObject({
    act: z.literal('note'),
    connector,
    item: sha256Hex,
    batch,
    position,
    acknowledged: z.boolean(),
    note,
  }),
  /** The app removed second copies of an item from a mailbox, which a late request had created. */
  z.strictObject({
    act: z.literal('copiesRemoved'),
    connector,
    batch,
    position,
    userId: z.string(),
    messageIds: z.array(z.string()),
  }),
  /** A copy was taken out of the mailbox of a person to whom the mapping of that time gave it by mistake. */
  z.strictObject({
    act: z.literal('misdeliveryRemoved'),
    connector,
    itemKey: sha256Hex,
    userId: z.string(),
    messageId: z.string(),
  }),
  z.strictObject({ act: z.literal('export'), what: z.string(), format: z.string(), items: z.int() }),
  z.strictObject({
    act: z.literal('verify'),
    findings: z.int(),
    deep: z.boolean(),
    heads: z.record(z.string(), sha256Hex.nullable()),
    ...{ from: z.iso.datetime().nullable(), to: z.iso.datetime().nullable() },
  }),
]);
export type Act = z.infer<typeof act>;

/** A person or an identity, as the directory names them. */
export const actor = z.strictObject({
  /** Object id; null where nobody signs in, as in the local stack. */
  id: z.string().nullable(),
  name: z.string().min(1).max(400),
});
export type Actor = z.infer<typeof actor>;

export const auditEntry = z.strictObject({
  v: z.literal(1),
  number: z.int().positive(),
  /** SHA-256 of the bytes of entry `number - 1`; null for the first. */
  previousSha256: sha256Hex.nullable(),
  /** Random: two people who do the same at the same time make two entries. */
  id: z.guid(),
  at: z.iso.datetime(),
  who: actor,
  what: act,
});
export type AuditEntry = z.infer<typeof auditEntry>;

/** An entry as stored, with the SHA-256 of its bytes. */
export interface StoredEntry {
  entry: AuditEntry;
  sha256: string;
}

/** The bytes of an entry. There is one way to write them, because the next entry carries their hash. */
export const entryBytes = (value: AuditEntry): Buffer =>
  Buffer.from(`${JSON.stringify(auditEntry.parse(value))}\n`);

/** Reads the stored bytes of an entry. Throws when they are not one that this release knows. */
export const storedEntry = (bytes: Buffer): StoredEntry => ({
  entry: auditEntry.parse(JSON.parse(bytes.toString())),
  sha256: sha256(bytes),
});

export const entryPrefix = 'entries/';
export const entrySuffix = '.json';
/** Blob name of an entry. Numbers are padded, so that a listing is in their order. */
export const entryBlob = (number: number): string =>
  `${entryPrefix}${String(number).padStart(10, '0')}${entrySuffix}`;

/** What the app itself is called in the trail. */
export const theApp: Actor = { id: null, name: 'the app' };
/** Who is named for a request that does not say who made it. */
export const nobody: Actor = { id: null, name: 'a queue message that names nobody' };
