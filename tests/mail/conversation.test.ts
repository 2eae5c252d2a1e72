import { readMail } from '../../shared/mail/read-mail';
import { context, mail } from '../support/mail-fixtures';

describe('the conversation of a mail', () => {
  const conversationOf = (text: string, messageId = '1_1') =>
    readMail(mail(`${text}\n\nx`), { ...context, messageId }).conversation;
  const there = 'From: Li <li@x.com>\nTo: Anna <anna@x.com>\nSubject: WeChat message from Li to Anna';
  const back = 'From: Anna A <ANNA@x.com>\nTo: Li W <li@x.com>\nSubject: WeChat message from Anna to Li';

  it('is the same for both directions', () => {
    expect(conversationOf(back)).toEqual(conversationOf(there));
  });

  it('is the same for a message, its answer and its recall, whatever they refer to', () => {
    const answer = `${back}\nIn-Reply-To: <m1@x>\nReferences: <m1@x>`;
    const recall = there.replace('Subject: ', 'Subject: RECALLED ') + '\nReferences: <m1@x>';
    expect(conversationOf(answer).key).toBe(conversationOf(there).key);
    expect(conversationOf(recall, 'RECALL-1_1')).toEqual(conversationOf(there));
  });

  it('is another one for a group of the same people', () => {
    const group = there.replace('to Anna', 'to "chat group" Anna');
    expect(conversationOf(group)).toEqual({ ...conversationOf(group), topic: 'Anna' });
    expect(conversationOf(group).key).not.toBe(conversationOf(there).key);
  });

  it('is the same for a recall and its original even if neither names anybody', () => {
    expect(conversationOf('Subject: RECALL hi', 'RECALL-1_1')).toEqual(conversationOf('Subject: hi', '1_1'));
  });

  it('follows Thread-Index first, then the root of References, then the parties', () => {
    const index = (last: number): string =>
      Buffer.from([1, 0, 0, 0, 0, 0, ...Array(16).fill(7), last]).toString('base64');
    expect(conversationOf(`From: a@x.com\nThread-Index: ${index(1)}`).key).toBe(
      conversationOf(`From: b@x.com\nThread-Index: ${index(2)}`).key,
    );
    expect(conversationOf('From: a@x.com\nReferences: <r@x> <a@x>').key).toBe(
      conversationOf('From: b@x.com\nReferences: <r@x>').key,
    );
  });
});
