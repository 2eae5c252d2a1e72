import * as z from 'zod';
import { connectors } from '../shared/connectors';
import { plainText } from '../terminal/plain-text';
import { withApp } from './app';
import { connectorInput, UsageError, verb, wholeInput } from './verb';

const longestText = 2000;

/** Shows what stands in the archive folder of a mailbox. */
export const mailboxVerb = verb({
  name: 'mailbox',
  summary: 'shows the newest items in the archive folders of a mailbox, with their bodies',
  arguments: [['<address>', 'the user']],
  options: [
    ['--connector <id>', 'only the folder of this connector'],
    ['--items <n>', 'how many items (default: 3)'],
  ],
  needs:
    'the identity of the app; it shows communications, so use it with the pilot mailbox or the local stack',
  example: 'pilot@contoso.example --items 1',
  input: { address: z.string(), connector: connectorInput.optional(), items: wholeInput.default(3) },
  run: (shell, { json, asApp, address, connector, items }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const user = await deps.directory.find(address);
      if (!user) throw new UsageError(`${address}: expected the address of a user`);
      const shown: Record<string, unknown> = {};
      let many = 0;
      for (const id of connector ? [connector] : deps.config.connectors) {
        let folderId: string | undefined;
        for await (const { row, value } of deps.folders.list(id))
          if (row === user.userId) folderId = value.folderId;
        if (folderId === undefined) continue;
        const messages = await deps.mailboxProbe.newest(user.userId, folderId, items);
        shown[id] = messages;
        many += messages.length;
        out.print(out.strong(`${user.address ?? address} › ${connectors[id].folder}`));
        for (const { receivedDateTime, from, to, subject, text, attachments } of messages) {
          out.print(`\n${out.strong(subject || '(no subject)')}`);
          out.print(out.faint(`${receivedDateTime}  ${from} → ${to.join(', ')}`));
          if (attachments.length > 0) out.print(out.faint(`Attachments: ${attachments.join(', ')}`));
          out.print(plainText(text).slice(0, longestText));
        }
        out.print();
      }
      if (many === 0) out.print(`Nothing is archived for ${address}.`);
      if (json) out.print(JSON.stringify(shown));
      return many > 0 ? 0 : 1;
    }),
});
