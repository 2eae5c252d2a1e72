import { connectors } from '../connectors';
import { propertyIds, propertyValue, type ExtendedProperty } from '../email/provenance';
import { PermanentError } from '../errors';
import { grantCure } from './mailbox-steps';
import { testFile, testItem, testTimes } from './test-item';
import { failed, ok, skipped, type Finding, type Proof, type Step } from './step';

const MB = 1024 * 1024;
/** What attachments from this size on travel by: an upload session. */
const sessionBytes = 3 * MB;
const createMs = 120_000;
const itemClassId = 'String 0x001A';
const smallFile = testFile('preflight.bin', 1_000);
const report = 'Do not rely on the archive in this tenant yet: send this report to the developers.';

const connectorOf = ({ deps }: Proof) => deps.config.connectors[0]!;

/** What to do when the item cannot even be created, by what keeps it out. */
const createCures: Partial<Record<PermanentError['reason'], string>> & { other: string } = {
  mailboxFull: 'Make room in the mailbox or raise its quota, or name another pilot.',
  accessDenied: grantCure,
  other: `Run it again; if it fails again: ${report}`,
};

/** Creates a test item by the code that archives; removed at the end, whatever happens in between. */
async function create(proof: Proof, name: string, attachments = [smallFile]) {
  const { deps, id, userId, folderId, options } = proof;
  const connector = connectorOf(proof);
  const item = testItem({ id, name, mailbox: options.mailbox, connector, attachments }, deps.config);
  const created = await deps.mailboxes.create(userId, folderId, item, {
    signal: AbortSignal.timeout(createMs),
  });
  if (created.kind === 'folderGone') throw new Error('create message: the folder is gone');
  proof.messageIds.push(created.messageId);
  const refused = created.kind === 'refused' ? created.refused : [];
  return { item, messageId: created.messageId, refused };
}

/** Whether the message holds exactly this file, byte for byte. */
async function holds(proof: Proof, messageId: string, file: ReturnType<typeof testFile>): Promise<boolean> {
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

/** A step about the first item as it was read back. */
const readBack = (
  id: string,
  title: string,
  check: (first: NonNullable<Proof['first']>, proof: Proof) => Finding | Promise<Finding>,
  cure = report,
): Step => ({ id, title, needs: ['item'], cure, run: async (proof) => check(proof.first!, proof) });

/** One item created and read back, property by property; then what needs an item of its own. */
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
      proof.first = { item, messageId, message };
      return ok(`as ${connectors[connectorOf(proof)].network} items are`);
    },
  },
  readBack('received', 'It is received, not a draft', ({ message }) =>
    message.isDraft ? failed('Exchange made a draft of it') : ok('not a draft'),
  ),
  readBack('dates', 'It keeps its dates', ({ message }) => {
    const { sentDateTime, receivedDateTime } = message;
    const kept =
      seconds(sentDateTime) === seconds(testTimes.sentAt) &&
      seconds(receivedDateTime) === seconds(testTimes.receivedAt);
    const detail = `sent ${sentDateTime}, received ${receivedDateTime}`;
    return kept ? ok(detail) : failed(`expected ${testTimes.sentAt} and ${testTimes.receivedAt}; ${detail}`);
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
      // Exchange writes the id of the property in a spelling of its own.
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
    (await holds(proof, messageId, smallFile))
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
    `After a crash the app could not tell what it has filed, and might file it twice. ${report}`,
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
    'Nothing is lost: Outlook shows the items of a chat one by one. Send this report to the developers.',
  ),
  {
    id: 'empty-attachment',
    title: 'Empty attachment',
    needs: ['folder'],
    cure: `Items with an empty file would go to quarantine or lose it. ${report}`,
    async run(proof) {
      const file = testFile('empty.bin', 0);
      const { messageId } = await create(proof, 'empty', [file]);
      return (await holds(proof, messageId, file)) ? ok('0 bytes, kept') : failed('missing or changed');
    },
  },
  {
    id: 'large-attachment',
    title: 'Attachment above 3 MB',
    needs: ['folder'],
    cure: (error) =>
      error instanceof PermanentError && error.reason === 'accessDenied'
        ? 'The app may create messages but not add to them. Exchange may ask for "Application Mail-Advanced.ReadWrite" to change what was received: assign it in the same scope (docs/permissions.md).'
        : `Run it again; if it fails again, items with such an attachment would be partial or put off. ${report}`,
    async run(proof) {
      const file = testFile('large.bin', sessionBytes + 1);
      const { messageId, refused } = await create(proof, 'large', [file]);
      if (refused.length > 0) return withoutSessions(proof);
      return (await holds(proof, messageId, file))
        ? ok(`${file.content.length} bytes by an upload session, unchanged`)
        : failed('missing or changed');
    },
  },
];

/** The published models of the clouds other than the public one have no upload sessions for mail. */
function withoutSessions({ deps }: Proof): Finding {
  const { config } = deps;
  const limit = Math.max(...config.connectors.map((id) => config.perConnector[id].sizeLimitBytes / MB));
  const meaning = `attachments of 3 to ${limit} MB will be missing from their items, which count as partial`;
  return config.graph.audience === 'https://graph.microsoft.com'
    ? failed(`upload sessions are refused: ${meaning}`)
    : skipped(`this cloud has no upload sessions: ${meaning}`);
}
