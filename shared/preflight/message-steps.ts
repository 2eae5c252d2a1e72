import { createHash } from 'node:crypto';
import { connectors } from '../connectors';
import type { Attachment } from '../email/email';
import { mailboxItem, type MailboxItem } from '../email/mailbox-item';
import { propertyIds, propertyValue, type ExtendedProperty } from '../email/provenance';
import { PermanentError } from '../errors';
import { minSessionBytes } from '../graph/attachments';
import { grantCure, preflightFolder } from './mailbox-steps';
import { failed, ok, skipped, type Finding, type Proof, type Step } from './step';

const MB = 1024 * 1024;
const createTimeoutMs = 120_000;
const itemClassId = 'String 0x001A';

/** Identifies a test item that an earlier preflight left behind. */
const testSubject = 'Archiver Preflight';

/** Long ago, to detect a mailbox that sets its own time instead. */
const sentAt = '2011-03-04T05:06:07.000Z';
const receivedAt = '2011-03-04T05:08:09.000Z';

/** A file for a test item; its size determines its bytes. */
const testFile = (name: string, bytes: number): Attachment<Buffer> => ({
  name,
  contentType: 'application/octet-stream',
  content: Buffer.alloc(bytes, 'Archiver Preflight. '),
  inline: false,
});
const smallFile = testFile('preflight.bin', 1_000);

const party = (name: string, local: string) => ({ name, address: `${local}@preflight.invalid` });

const connectorOf = ({ deps }: Proof) => deps.config.connectors[0]!;

/**
 * An item like those that are archived, made by the same code but with content of our own. All items of one preflight
 * belong to one chat; `name` is unique in a preflight.
 */
function testItem(proof: Proof, name: string, attachments: Attachment[]): MailboxItem {
  const { id, deps, options } = proof;
  const connector = connectorOf(proof);
  const sha256 = createHash('sha256').update(`preflight ${id} ${name}`).digest('hex');
  return mailboxItem(
    {
      subject: testSubject,
      from: party('Preflight Sender', 'sender'),
      to: [party('Preflight Recipient', 'recipient')],
      cc: [party('Preflight Copy', 'copy')],
      bcc: [],
      sentAt,
      sentAsWritten: sentAt,
      body: {
        type: 'text',
        content: 'A test item of the archiver. It is removed at once and can be deleted.',
      },
      facts: { network: connectors[connector].network, source: 'preflight' },
      attachments,
      conversation: { key: `preflight-${id}`, topic: testSubject },
      references: [],
    },
    [],
    { connector, batch: 0, position: 0, sourceId: `preflight-${id}-${name}`, sha256, receivedAt },
    connectors[connector],
    {
      itemClass: deps.config.perConnector[connector].itemClass,
      users: [{ name: '', address: options.mailbox }],
      itemKey: sha256,
    },
  );
}

/** Creates a test item with the code that archives. The last step removes it, even if a step before it fails. */
async function create(proof: Proof, name: string, attachments = [smallFile]) {
  const { deps, userId, folderId, messageIds } = proof;
  const item = testItem(proof, name, attachments);
  const created = await deps.mailboxes.create(userId, folderId, item, {
    signal: AbortSignal.timeout(createTimeoutMs),
  });
  if (created.kind === 'folderGone') throw new Error('create message: the folder is gone');
  messageIds.push(created.messageId);
  const refused = created.kind === 'refused' ? created.refused : [];
  return { item, messageId: created.messageId, refused };
}

/** Whether the message contains exactly this file, byte for byte. */
async function contains(proof: Proof, messageId: string, file: Attachment<Buffer>): Promise<boolean> {
  const found = await proof.deps.mailboxProbe.readAttachments(proof.userId, messageId);
  return found.length === 1 && found[0]!.name === file.name && found[0]!.content.equals(file.content);
}

const propertiesOf = ({ json }: { json: Record<string, unknown> }) =>
  (json['singleValueExtendedProperties'] ?? []) as ExtendedProperty[];

const named = (properties: readonly ExtendedProperty[]) =>
  properties.filter(({ id }) => Object.values<string>(propertyIds).includes(id));

const seconds = (instant: string) => Math.floor(Date.parse(instant) / 1000);

const addresses = (list: unknown) =>
  ((list ?? []) as { emailAddress: { address?: string } }[])
    .map(({ emailAddress }) => emailAddress.address?.toLowerCase() ?? '')
    .sort()
    .join(', ');

const report = 'Do not rely on the archive in this tenant yet: send this report to the developers.';

/** The cures for an error that keeps the test item out of the mailbox. */
const createCures: Partial<Record<PermanentError['reason'], string>> & { other: string } = {
  mailboxFull: 'Make room in the mailbox or raise its quota, or name another pilot.',
  accessDenied: grantCure,
  other: `Run it again; if it fails again: ${report}`,
};

/** A step that checks the first item as it was read back. */
const readBack = (
  id: string,
  title: string,
  check: (first: NonNullable<Proof['first']>, proof: Proof) => Finding | Promise<Finding>,
  cure = report,
): Step => ({ id, title, needs: ['item'], cure, run: async (proof) => check(proof.first!, proof) });

/** The steps that create test items, read them back property by property, and remove them. */
export const messageSteps: Step[] = [
  {
    id: 'item',
    title: 'Test item created and read back',
    needs: ['folder'],
    cure: (error) => (error instanceof PermanentError && createCures[error.reason]) || createCures.other,
    async run(proof) {
      const { item, messageId } = await create(proof, 'first');
      const wanted = [itemClassId, ...named(propertiesOf(item)).map(({ id }) => id)];
      const message = await proof.deps.mailboxProbe.readMessage(proof.userId, messageId, wanted);
      return ok(`as ${connectors[connectorOf(proof)].network} items are`, {
        first: { item, messageId, message },
      });
    },
  },
  readBack('received', 'It is received, not a draft', ({ message }) =>
    message.isDraft ? failed('Exchange made it a draft') : ok('not a draft'),
  ),
  readBack('dates', 'It keeps its dates', ({ message }) => {
    const { sentDateTime, receivedDateTime } = message;
    const kept =
      seconds(sentDateTime) === seconds(sentAt) && seconds(receivedDateTime) === seconds(receivedAt);
    const detail = `sent ${sentDateTime}, received ${receivedDateTime}`;
    return kept ? ok(detail) : failed(`expected ${sentAt} and ${receivedAt}; ${detail}`);
  }),
  readBack('parties', 'It keeps its sender and recipients', ({ item, message }) => {
    const lists = ['from', 'sender', 'toRecipients', 'ccRecipients'] as const;
    const wrong = lists.filter(
      (name) => addresses([item.json[name]].flat()) !== addresses([message[name] ?? []].flat()),
    );
    return wrong.length === 0 ? ok(lists.join(', ')) : failed(`changed: ${wrong.join(', ')}`);
  }),
  readBack(
    'item-class',
    'It has its item class',
    ({ item, message }) => {
      const wanted = propertiesOf(item).find(({ id }) => id === itemClassId)?.value ?? '';
      // Exchange spells the id of the property differently.
      const found = message.singleValueExtendedProperties?.find(({ id }) => /^string\s+0x0*1a$/i.test(id));
      return found?.value.toLowerCase() === wanted.toLowerCase()
        ? ok(wanted)
        : failed(`expected ${wanted}, found ${found?.value ?? 'none'}`);
    },
    `eDiscovery would not find items by their class. Check the settings …_ITEM_CLASS. ${report}`,
  ),
  readBack('properties', 'It keeps the properties that searches use', ({ item, message }) => {
    const wrong = named(propertiesOf(item)).filter(({ id, value }) => propertyValue(message, id) !== value);
    const names = (list: ExtendedProperty[]) => list.map(({ id }) => id.split(' ').at(-1)).join(', ');
    return wrong.length === 0
      ? ok(names(named(propertiesOf(item))))
      : failed(`missing or changed: ${names(wrong)}`);
  }),
  readBack('small-attachment', 'Small attachment', async ({ messageId }, proof) =>
    (await contains(proof, messageId, smallFile))
      ? ok(`${smallFile.content.length} bytes, unchanged`)
      : failed('missing or changed'),
  ),
  readBack(
    'lookup',
    'It is found by its key',
    async ({ item, messageId }, { deps, userId, folderId }) => {
      const copies = await deps.mailboxes.find(userId, folderId, item.itemKey);
      return copies.length === 1 && copies[0]!.messageId === messageId
        ? ok('one copy')
        : failed(`expected one copy, found ${copies.length}`);
    },
    `After a crash the app could not find what it has already filed, and might file it twice. ${report}`,
  ),
  readBack(
    'conversation',
    'Two items of a chat are one conversation',
    async ({ message }, proof) => {
      const { messageId } = await create(proof, 'second', []);
      const second = await proof.deps.mailboxProbe.readMessage(proof.userId, messageId, [itemClassId]);
      return second.conversationId === message.conversationId
        ? ok('grouped')
        : failed('Exchange put them into two conversations');
    },
    'Nothing is lost: Outlook shows the items of a chat separately. Send this report to the developers.',
  ),
  {
    id: 'empty-attachment',
    title: 'Empty attachment',
    needs: ['folder'],
    cure: `Items with an empty file would go to quarantine or lose it. ${report}`,
    async run(proof) {
      const file = testFile('empty.bin', 0);
      const { messageId } = await create(proof, 'empty', [file]);
      return (await contains(proof, messageId, file)) ? ok('0 bytes, kept') : failed('missing or changed');
    },
  },
  {
    id: 'large-attachment',
    title: 'Attachment above 3 MB',
    needs: ['folder'],
    cure: (error) =>
      error instanceof PermanentError && error.reason === 'accessDenied'
        ? 'The app may create messages but not add to them. To change received messages, Exchange may require "Application Mail-Advanced.ReadWrite": assign it in the same scope (docs/permissions.md).'
        : `Run it again; if it fails again, items with such an attachment would be partial or put off. ${report}`,
    async run(proof) {
      const file = testFile('large.bin', minSessionBytes + 1);
      const { messageId, refused } = await create(proof, 'large', [file]);
      if (refused.length > 0) return withoutSessions(proof);
      return (await contains(proof, messageId, file))
        ? ok(`${file.content.length} bytes through an upload session, unchanged`)
        : failed('missing or changed');
    },
  },
  {
    id: 'removed',
    title: 'Test items removed',
    needs: ['folder'],
    cure: `Delete the folder "${preflightFolder}" in the pilot's mailbox by hand. The app must be able to delete: it removes a second copy.`,
    async run({ deps, userId, folderId, messageIds, first }) {
      const remove = async () => {
        for (const messageId of messageIds) await deps.mailboxes.remove(userId, messageId);
        return first ? (await deps.mailboxes.find(userId, folderId, first.item.itemKey)).length : 0;
      };
      // Even if a message cannot be removed, the folder can.
      const [left] = await Promise.allSettled([remove()]);
      // The folder may contain test items of an interrupted preflight, but its owner's items must not be removed with it.
      const { subjects, folders } = await deps.mailboxProbe.contents(userId, folderId);
      if (folders > 0 || subjects.some((subject) => subject !== testSubject))
        return failed('the folder contains something other than test items, so it was not removed');
      await deps.mailboxProbe.removeFolder(userId, folderId);
      if (left.status === 'rejected') throw left.reason;
      if (left.value > 0) return failed('a removed message was still in its folder');
      return ok(
        `${messageIds.length} messages and the folder; Recoverable Items keeps them as long as retention requires`,
      );
    },
  },
];

/** Microsoft's published models of the other clouds have no upload sessions for mail. */
function withoutSessions({ deps }: Proof): Finding {
  const { config } = deps;
  const limit = Math.max(...config.connectors.map((id) => config.perConnector[id].sizeLimitBytes / MB));
  const consequence = `attachments of 3 to ${limit} MB will be missing from their items, which count as partial`;
  return config.graph.audience === 'https://graph.microsoft.com'
    ? failed(`upload sessions are refused: ${consequence}`)
    : skipped(`this cloud has no upload sessions: ${consequence}`);
}
