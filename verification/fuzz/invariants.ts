import type { Attachment } from '../../shared/email/email';
import { fileAttachment, fieldsOfCreate, messageBody } from '../../simulators/exchange/message-input';
import { readJson } from '../../simulators/exchange/request-body';
import type { MailboxItem } from '../../shared/email/mailbox-item';
import { completeMark } from '../../shared/email/provenance';
import { attachmentJson, messageJson, planAttachments } from '../../shared/graph/attachments';

/** What must be true of every item, whatever the input was. */

/** A broken promise. The message says which one and quotes nothing of the item. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

const json = 'application/json';
const maxRecipients = 500;
const maxSubjectLength = 255;
const maxJsonBytes = 3_500_000;
const maxRequestBytes = 4 * 1024 * 1024;

/** Checks the item against Microsoft Graph's rules, as the simulated service enforces them. */
export function checkItem(item: MailboxItem): void {
  const expect = (holds: boolean, what: string) => {
    if (!holds) throw new Finding(what);
  };
  const properties = item.json['singleValueExtendedProperties'] as { id: string; value: string }[];
  const whole = { ...item.json, singleValueExtendedProperties: [...properties, completeMark] };
  const jsonBytes = Buffer.byteLength(JSON.stringify(whole));
  expect(jsonBytes < maxJsonBytes, `the JSON before attachments has ${jsonBytes} bytes`);
  expect(/^[0-9a-f]{64}$/.test(item.itemKey), 'the item key is no SHA-256');

  const plan = planAttachments(jsonBytes, item.attachments);
  const request = messageJson(whole, plan.inline as Attachment<Buffer>[]);
  expect(request.length < maxRequestBytes, `the create request has ${request.length} bytes`);
  const fields = refusals(() =>
    fieldsOfCreate(readJson(request, json, messageBody), '2026-11-21T00:00:00Z', '<new@exchange.invalid>'),
  );
  expect(!fields.isDraft, 'the item would be a draft');
  expect((fields.subject ?? '').length <= maxSubjectLength, 'the subject is too long');
  const { toRecipients, ccRecipients, bccRecipients } = fields;
  const recipients = toRecipients.length + ccRecipients.length + bccRecipients.length;
  expect(recipients <= maxRecipients, `the item has ${recipients} recipients`);
  expect(fields.itemClass.startsWith('IPM.ExternalData.'), 'the item class is wrong');
  for (const { attachment } of plan.later)
    refusals(() =>
      readJson(attachmentJson({ ...attachment, content: Buffer.alloc(0) }), json, fileAttachment),
    );
  for (const { name } of item.attachments) expect(!/[\\/]/.test(name), 'an attachment is named by a path');
}

function refusals<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    throw new Finding(`Exchange would refuse the item: ${code} ${(error as Error).message}`);
  }
}
