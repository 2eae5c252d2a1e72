import type { Attachment } from '../../shared/email/email';
import { attachmentJson, messageJson, planAttachments } from '../../shared/graph/attachments';

const MB = 1024 * 1024;
const file = (bytes: number, name = `file ${bytes}.bin`): Attachment<Buffer> => ({
  name,
  contentType: 'application/octet-stream',
  content: Buffer.alloc(bytes, 7),
  inline: false,
});
const names = (attachments: Attachment[]) => attachments.map(({ name }) => name);

describe('the attachments of a message', () => {
  test('travel in the create request, in the order of the item, if they fit', () => {
    const plan = planAttachments(2_000, [file(900_000), file(10), file(500_000)]);
    expect(names(plan.inline)).toEqual(['file 900000.bin', 'file 10.bin', 'file 500000.bin']);
    expect(plan.later).toEqual([]);
  });

  test('keep the create request within its limit, to the byte', () => {
    const attachments: Attachment<Buffer>[] = [
      file(800_000, 'a'),
      file(800_001, 'b'),
      file(800_002, 'c'),
      file(800_003, 'd'),
    ];
    const json = { subject: 'many' };
    const plan = planAttachments(JSON.stringify(json).length, attachments);
    expect(plan.inline).toHaveLength(3);
    const all = messageJson(json, plan.inline);
    expect(all.length).toBeLessThanOrEqual(3_500_000);
    expect(messageJson(json, attachments).length).toBeGreaterThan(3_500_000);
  });

  test('go inline smallest first, and the large ones follow by request or session', () => {
    const plan = planAttachments(2_000, [file(5 * MB), file(100), file(2_700_000), file(2_800_000)]);
    expect(names(plan.inline)).toEqual(['file 100.bin']);
    expect(plan.later.map(({ attachment, by }) => [attachment.content.length, by])).toEqual([
      [5 * MB, 'session'],
      [2_700_000, 'request'],
      [2_800_000, 'request'],
    ]);
  });

  test('go by session just below 3 MB, where their base64 passes 4 MB', () => {
    const by = (bytes: number) => planAttachments(0, [file(bytes)]).later[0]?.by;
    expect(by(3 * MB - 300)).toBe('request');
    expect(attachmentJson(file(3 * MB - 300)).length).toBeLessThan(4 * MB);
    expect(by(3 * MB - 1)).toBe('session');
    expect(by(3 * MB)).toBe('session');
  });

  test('become the JSON that JSON.stringify would give', () => {
    const picture: Attachment<Buffer> = {
      name: 'bild "å" 图.png',
      contentType: 'image/png',
      content: Buffer.from([0, 255, 34, 92]),
      inline: true,
      contentId: 'cid@1',
    };
    const parsed = JSON.parse(messageJson({ subject: 'häj' }, [picture, file(0)]).toString()) as object;
    expect(parsed).toEqual({
      subject: 'häj',
      attachments: [
        {
          '@odata.type': '#microsoft.graph.fileAttachment',
          name: 'bild "å" 图.png',
          contentType: 'image/png',
          isInline: true,
          contentId: 'cid@1',
          contentBytes: picture.content.toString('base64'),
        },
        {
          '@odata.type': '#microsoft.graph.fileAttachment',
          name: 'file 0.bin',
          contentType: 'application/octet-stream',
          isInline: false,
          contentBytes: '',
        },
      ],
    });
    expect(JSON.parse(messageJson({ subject: 'x' }, []).toString())).toEqual({ subject: 'x' });
  });
});
