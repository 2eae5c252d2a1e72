import type { Connector } from '../../shared/connectors';
import { propertyIds, propertyValue, type ExtendedProperty } from '../../shared/email/provenance';
import { DeploymentError, PermanentError, PutOffError } from '../../shared/errors';
import type { Directory } from '../../shared/graph/directory.client';
import { UncertainError } from '../../shared/graph/failure';
import type { ArchivedMessage, Created, Mailboxes } from '../../shared/graph/mailboxes.client';
import { fixedRead, write, type Fault } from './call-faults';
import type { Scenario } from './scenarios';
import type { Io } from './scheduler';

/** Model of Exchange Online: a tenant's users, one folder per mailbox, and messages that may still be incomplete. */

export interface MessageModel {
  id: string;
  folderId: string;
  itemKey: string;
  sourceId: string | undefined;
  complete: boolean;
  batch: number;
  position: number;
  attachments: string[];
  /** Created without some of the item's attachments. */
  partial: boolean;
  body: string;
}

export interface MailboxModel {
  folderId: string | undefined;
  messages: MessageModel[];
  coolingUntilMs: number;
  brokenUntilMs: number;
  full: boolean;
}

export interface Tenant {
  /** By user id. */
  mailboxes: Map<string, MailboxModel>;
  /** Address in lower case to user id. */
  users: Map<string, string>;
  /** User ids of the mailboxes that the app may not enter. */
  denied: Set<string>;
  ids: number;
  /** The cloud has no upload sessions: an attachment that takes a request of its own is refused. */
  withoutSessions: boolean;
  /** The most copies of one item that one mailbox held at the same time. */
  mostCopies: number;
}

export function createTenant({
  users,
  repairs,
  withoutSessions = false,
}: Pick<Scenario, 'users' | 'repairs' | 'withoutSessions'>): Tenant {
  const empty = { coolingUntilMs: 0, brokenUntilMs: 0, folderId: undefined };
  const isFull = (userId: string) => repairs?.fullMailboxes.includes(userId) ?? false;
  const known = users.filter(({ userId }) => !repairs?.missingUsers.includes(userId));
  return {
    mailboxes: new Map(users.map(({ userId }) => [userId, { ...empty, full: isFull(userId), messages: [] }])),
    users: new Map(known.map(({ userId, address }) => [address.toLowerCase(), userId])),
    denied: new Set(),
    ids: 0,
    withoutSessions,
    mostCopies: 0,
  };
}

/** An administrator makes room in full mailboxes and adds the users that were missing. */
export function repairTenant(tenant: Tenant, { users }: Pick<Scenario, 'users'>): void {
  for (const mailbox of tenant.mailboxes.values()) Object.assign(mailbox, { full: false, brokenUntilMs: 0 });
  tenant.denied.clear();
  for (const { userId, address } of users) tenant.users.set(address.toLowerCase(), userId);
}

const asFound = ({ id, itemKey, complete, partial, batch, position }: MessageModel): ArchivedMessage => ({
  messageId: id,
  itemKey,
  complete,
  ...(complete && partial && { partial }),
  batch,
  position,
});

/** Attachments from this size on take requests of their own; far below the real limit, so that items stay tiny. */
const inlineBytes = 100;
const hourMs = 60 * 60_000;

const lost = () => new UncertainError('no answer; it may have taken effect');
const faultsOf = (...own: Fault[]) =>
  [...write.filter((fault) => fault !== 'repeat'), 'timeOut', ...own] as Fault[];
const createFaults = faultsOf(
  'lateAlone',
  'tardy',
  'slow',
  'throttled',
  'cooling',
  'broken',
  'full',
  'folderGone',
  'refused',
);
const stepFaults = faultsOf('throttled', 'full');

export function createDirectoryModel(tenant: Tenant, io: Io): Directory {
  return {
    find: (address) =>
      io(
        { name: 'directory.find', key: address, faults: [...fixedRead, 'refused', 'throttled'] },
        (fault) => {
          if (fault === 'throttled') throw new PutOffError(60_000, 'throttled; put off');
          if (fault === 'refused') throw new DeploymentError('look up user: refused for the whole app');
          const userId = tenant.users.get(address.trim().toLowerCase());
          return userId === undefined ? undefined : { userId, domains: ['contoso.example'] };
        },
      ),
  };
}

export function createMailboxesModel(tenant: Tenant, io: Io, now: () => number): Mailboxes {
  const mailboxOf = (userId: string) => {
    const mailbox = tenant.mailboxes.get(userId);
    if (!mailbox) throw new PermanentError('mailboxUnavailable', 'no such mailbox');
    return mailbox;
  };
  /** Lets a request into the mailbox, or throws before it has any effect. */
  const admit = (userId: string, fault?: Fault): MailboxModel => {
    const mailbox = mailboxOf(userId);
    if (tenant.denied.has(userId)) throw new PermanentError('accessDenied', 'ErrorAccessDenied');
    if (fault === 'refused') throw new DeploymentError('refused for the whole app');
    if (fault === 'throttled') throw new PutOffError(60_000, 'throttled; put off');
    if (fault === 'cooling') mailbox.coolingUntilMs = now() + 3 * hourMs;
    if (fault === 'broken') mailbox.brokenUntilMs = now() + 30 * hourMs;
    if (fault === 'full') mailbox.full = true;
    if (now() < mailbox.coolingUntilMs) throw new PutOffError(hourMs / 4, 'throttled; put off');
    return mailbox;
  };
  const admitWrite = (userId: string, fault?: Fault): MailboxModel => {
    const mailbox = admit(userId, fault);
    if (now() < mailbox.brokenUntilMs) throw new Error('503 until no attempt was left');
    if (mailbox.full) throw new PermanentError('mailboxFull', 'ErrorQuotaExceeded');
    return mailbox;
  };
  const messageOf = (userId: string, id: string) => mailboxOf(userId).messages.find((one) => one.id === id);
  const numberOf = (properties: ExtendedProperty[], id: string) =>
    Number(propertyValue({ singleValueExtendedProperties: properties }, id));

  const post = (
    userId: string,
    folderId: string,
    message: Omit<MessageModel, 'id' | 'folderId'>,
    fault?: Fault,
  ) => {
    const mailbox = admitWrite(userId, fault);
    const isEmpty = !mailbox.messages.some((one) => one.folderId === folderId);
    if (fault === 'folderGone' && isEmpty && mailbox.folderId === folderId) mailbox.folderId = undefined;
    if (mailbox.folderId !== folderId) return undefined;
    const id = `message-${++tenant.ids}`;
    mailbox.messages.push({ id, folderId, ...message });
    const copies = mailbox.messages.filter(({ itemKey }) => itemKey === message.itemKey);
    tenant.mostCopies = Math.max(tenant.mostCopies, copies.length);
    return id;
  };
  const remove = (userId: string, messageId: string) =>
    io({ name: 'mailboxes.remove', key: userId, faults: [...write, 'lateAlone', 'throttled'] }, (fault) => {
      const mailbox = admit(userId, fault);
      mailbox.messages = mailbox.messages.filter(({ id }) => id !== messageId);
    });

  return {
    enter: () => () => undefined,
    folder: (userId: string, connector: Connector) =>
      io(
        { name: 'mailboxes.folder', key: userId, faults: [...fixedRead, 'throttled', 'folderMoved'] },
        (fault) => {
          const mailbox = admit(userId, fault);
          if (fault === 'folderMoved') mailbox.folderId = undefined;
          return (mailbox.folderId ??= `${connector.id}-folder-${++tenant.ids}`);
        },
      ),

    async create(userId, folderId, item, { signal, beforeStep = async () => undefined }): Promise<Created> {
      const properties = item.json['singleValueExtendedProperties'] as ExtendedProperty[];
      const later = item.attachments.filter(({ content }) => content.length >= inlineBytes);
      const inline = item.attachments.filter((one) => !later.includes(one));
      const message = () => ({
        itemKey: item.itemKey,
        sourceId: propertyValue({ singleValueExtendedProperties: properties }, propertyIds.sourceId),
        complete: later.length === 0,
        batch: numberOf(properties, propertyIds.batch),
        position: numberOf(properties, propertyIds.position),
        attachments: inline.map(({ name }) => name),
        partial: item.partial,
        body: (item.json['body'] as { content: string }).content,
      });
      const key = `${userId} ${item.itemKey}`;
      const request = { key, signal, lost };
      const operation = {
        ...request,
        name: 'mailboxes.create',
        faults: createFaults,
        landsAfter: 'mailboxes.find',
      };
      if (later.length > 0) await beforeStep();
      const messageId = await io(operation, (fault) => post(userId, folderId, message(), fault));
      if (messageId === undefined) return { kind: 'folderGone' };
      if (later.length === 0) return { kind: 'created', messageId };
      const step = async (name: string, change: (message: MessageModel) => void) => {
        await beforeStep();
        const failed = () => new UncertainError('the message was created, but is incomplete');
        const stepping = {
          ...request,
          name: `mailboxes.${name}`,
          faults: stepFaults,
          failed,
          landsAfter: 'mailboxes.find',
        };
        await io(stepping, (fault) => {
          if (fault === 'throttled') throw failed();
          admitWrite(userId, fault);
          const message = messageOf(userId, messageId);
          if (!message) throw failed();
          change(message);
        });
      };
      try {
        for (const { name } of later)
          await step('attach', ({ attachments }) => {
            if (!tenant.withoutSessions) attachments.push(name);
          });
        if (tenant.withoutSessions) return { kind: 'refused', messageId, refused: later };
        await step('complete', (message) => (message.complete = true));
      } catch (error) {
        // No attempt follows a permanent failure, so nothing else would ever remove the incomplete copy.
        if (error instanceof PermanentError) await remove(userId, messageId);
        else if (error instanceof PutOffError)
          throw new UncertainError('the message is incomplete', { cause: error });
        throw error;
      }
      return { kind: 'created', messageId };
    },

    find: (userId, folderId, itemKey) =>
      io(
        {
          name: 'mailboxes.find',
          key: `${userId} ${itemKey}`,
          faults: ['crash', 'error', 'hang', 'yield', 'stall'],
        },
        () =>
          admit(userId)
            .messages.filter((one) => one.folderId === folderId && one.itemKey === itemKey)
            .map(asFound),
      ),

    look: (userId, messageId) =>
      io({ name: 'mailboxes.look', key: userId, faults: fixedRead }, () => {
        const found = admit(userId).messages.find(({ id }) => id === messageId);
        return found && asFound(found);
      }),

    async *inFolder(userId, folderId) {
      yield* await io({ name: 'mailboxes.inFolder', key: userId, faults: fixedRead }, () =>
        admit(userId)
          .messages.filter((one) => one.folderId === folderId)
          .map(asFound),
      );
    },

    remove,
  };
}
