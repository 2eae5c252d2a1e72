import { messageId, single, type Case, type Slot } from './item';

/** Lines that break the archive's own format. Each must go to quarantine, and must not stop the run. */

type Fields = Record<string, unknown>;

function line(tag: string, make: (fields: Fields, receivedAt: string) => Buffer | string): Case {
  return single((slot) => {
    const id = messageId(slot);
    return {
      id,
      mentions: [],
      fate: 'unreadable',
      tags: [tag],
      bytes: 200,
      line: (receivedAt) => Buffer.from(make(whole(slot, id, receivedAt), receivedAt)),
    };
  });
}

/** A line with every required field. Each case removes or breaks one of them. */
const whole = ({ connector }: Slot, messageId: string, gatewayReceivedDate: string): Fields => ({
  messageId,
  gatewayReceivedDate,
  sourceType: connector === 'wechat' ? 'WECHAT' : 'WHATSAPP_ARCHIVER',
  usersEmailAddress: [],
  ...(connector === 'wechat'
    ? { mime: Buffer.from('Subject: x\r\n\r\nx').toString('base64') }
    : { messageContext: 'app-message', textContent: 'x', from: 'UNKNOWN', to: [] }),
});

function without(key: string): Case {
  return line('missingField', (fields) => {
    const { [key]: _, ...rest } = fields;
    return JSON.stringify(rest);
  });
}

export const malformedLines = (connector: Slot['connector']): Case[] => [
  line('notJson', () => '{"messageId":"1_2","gatewayReceivedDate":'),
  line('notJson', () => '<html><body>502 Bad Gateway</body></html>'),
  line('notAnObject', () => '[]'),
  line('notUtf8', (fields) => {
    const text = JSON.stringify({ ...fields, note: 'bytes' });
    return Buffer.from(text.replace('bytes', '\xc3\x28\xff'), 'latin1');
  }),
  without('messageId'),
  without('gatewayReceivedDate'),
  without('sourceType'),
  ...(connector === 'wechat' ? [without('mime')] : []),
];
