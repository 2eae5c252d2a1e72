import { z } from 'zod';
import { GraphError } from './errors';

const emailAddress = z.strictObject({
  '@odata.type': z.literal('#microsoft.graph.emailAddress').optional(),
  name: z.string().nullish(),
  address: z.string().nullish(),
});

export const recipient = z
  .strictObject({ '@odata.type': z.literal('#microsoft.graph.recipient').optional(), emailAddress })
  .transform(({ emailAddress: { name, address } }) => ({
    emailAddress: { name: name ?? address ?? '', address: address ?? '' },
  }));
export type Recipient = z.output<typeof recipient>;

const localPart = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const domain = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$/;

function isSmtpAddress(address: string): boolean {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  return (
    address.length <= 254 && local.length <= 64 && localPart.test(local) && domain.test(address.slice(at + 1))
  );
}

/** One malformed address makes Exchange refuse the whole message. */
export function checkRecipients(recipients: Recipient[]): void {
  if (recipients.every(({ emailAddress: { address } }) => isSmtpAddress(address))) return;
  throw new GraphError(400, 'ErrorInvalidRecipients', "At least one recipient isn't valid.");
}

export function checkRecipientCount(count: number, max: number): void {
  if (count <= max) return;
  throw new GraphError(400, 'ErrorInvalidRecipients', `The message has more than ${max} recipients.`);
}
