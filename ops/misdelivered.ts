import * as z from 'zod';
import { createPeople } from '../shared/evidence/people';
import { misdelivered, type Misdelivered } from '../shared/evidence/misdelivered';
import { forAll, writeDown } from './acts';
import { withApp } from './app';
import { dayInput, intervalOf } from './days';
import { connectorInput, UsageError, verb } from './verb';

const sendsInFlight = 8;

/** Lists copies in mailboxes of the wrong people, and takes them out of sight. */
export const misdeliveredVerb = verb({
  name: 'misdelivered',
  summary:
    'lists copies in mailboxes that the mapping of today would not choose, and takes them out of sight',
  options: [
    ['--since <day>', 'look at what arrived since this day'],
    ['--connector <id>', 'only this connector'],
    ['--remove', 'take the copies out of those mailboxes; a hold keeps them in Recoverable Items'],
    ['--yes', 'with --remove: do not ask'],
  ],
  needs:
    'to read blobs and tables of the evidence account, and users of the directory; --remove needs to add to the audit trail, and to send messages to the queue operator-request',
  example: '--since 2026-11-20 --connector whatsapp',
  input: {
    since: dayInput,
    connector: connectorInput.optional(),
    remove: z.boolean().default(false),
    yes: z.boolean().default(false),
  },
  run: (shell, { json, asApp, since, connector, remove, yes }) =>
    withApp(shell, asApp, async (deps) => {
      const { out, ask } = shell;
      const people = createPeople(deps);
      const found: (Misdelivered & { person: string; owners: string })[] = [];
      const interval = intervalOf({ from: since }, deps.config.fetch.dayStarts);
      for (const id of connector ? [connector] : deps.config.connectors)
        for await (const copy of misdelivered(deps, id, interval, (line) => out.progress(line))) {
          const owners = await Promise.all(copy.belongsTo.map((userId) => people.name(userId)));
          found.push({ ...copy, person: await people.name(copy.userId), owners: owners.join(', ') });
        }
      out.progress('');
      out.table(
        [
          {
            title: 'place',
            value: ({ connector: id, batch, position }) => `${id}/${batch}/${position}`,
            whole: true,
          },
          { title: 'source id', value: ({ sourceId }) => sourceId },
          { title: 'is in the mailbox of', value: ({ person }) => person },
          { title: 'belongs to', value: ({ owners }) => owners || 'nobody here' },
        ],
        found,
      );
      out.print(`${found.length} copies are in a mailbox that the mapping of today would not choose.`);
      let removed = 0;
      if (remove && found.length > 0) {
        if (!yes && !ask)
          throw new UsageError('--remove: nobody can be asked here; add --yes to remove them');
        const answer = yes ? 'yes' : await ask!(`Take these ${found.length} copies out of sight? Type yes: `);
        if (answer.trim().toLowerCase() !== 'yes') out.print('Nothing was removed.');
        else {
          await forAll(
            found,
            sendsInFlight,
            async ({ connector: id, itemKey, userId, messageId }) => {
              const what = { act: 'misdeliveryRemoved' as const, connector: id, itemKey, userId, messageId };
              const { audit } = await writeDown(shell, deps, asApp, what);
              await deps.requests.operator.send({
                v: 1,
                kind: 'withdraw',
                connector: id,
                itemKey,
                userId,
                audit,
              });
            },
            (done) => out.progress(`${done} of ${found.length} on their way`),
          );
          out.progress('');
          removed = found.length;
          out.print('The app removes them within a minute; each removal is on the audit trail.');
        }
      } else if (found.length > 0)
        out.print(
          out.faint(
            'The right people get theirs by redrive, or by backfill of those days. --remove takes these out of sight.',
          ),
        );
      if (json) out.print(JSON.stringify({ copies: found, removed }));
      return found.length === 0 ? 0 : 1;
    }),
});
