import { eventLine } from '../events';
import type { Mapping } from '../mapping/reader';
import { containers, queues, tables } from '../names';
import { described, failed, ok, skipped, statusOf, type Step } from './step';

/** The steps for what the app writes to besides mailboxes: the evidence store and the alerts. */
export const storeSteps: Step[] = [
  {
    id: 'queues',
    title: 'Queues',
    needs: ['settings'],
    cure: 'Deploy infra/ again, which creates the queues and gives the identity "Storage Queue Data Contributor"; check that the account admits this address.',
    async run({ deps }) {
      const depths = await each(Object.values(queues), (name) => deps.storeProbe.queueDepth(name));
      return depths.failed ?? ok(`waiting: ${depths.done.map((pair) => pair.join(' ')).join(', ')}`);
    },
  },
  {
    id: 'tables',
    title: 'Tables',
    needs: ['settings'],
    cure: 'Deploy infra/ again, which creates the tables and gives the identity "Storage Table Data Contributor"; check that the account admits this address.',
    async run({ deps, id }) {
      const read = await each(Object.values(tables), (name) => deps.storeProbe.readTable(name));
      if (read.failed) return read.failed;
      await deps.storeProbe.writeTable(tables.folders, 'preflight', id);
      return ok(`read: ${Object.values(tables).join(', ')}; wrote and removed one row`);
    },
  },
  {
    id: 'mapping',
    title: 'Mapping files',
    needs: ['settings'],
    cure: 'Upload the mapping file of the connector again: `docs/mapping.md` describes it, and the upload lists every problem.',
    async run({ deps }) {
      const { connectors, perConnector } = deps.config;
      const custom = connectors.filter((connector) => perConnector[connector].customMapping);
      if (custom.length === 0) return ok('custom mapping is on for no connector');
      const read = await each(custom, (connector) => deps.mappings.current(connector));
      if (read.failed) return read.failed;
      const missing = read.done.flatMap(([connector, mapping]) => (mapping ? [] : [connector]));
      if (missing.length > 0)
        return failed(`no mapping file is stored for ${missing.join(', ')}: items wait for it`);
      return ok(
        read.done.map(([connector, mapping]) => `${connector}: ${mapping && describe(mapping)}`).join('; '),
      );
    },
  },
  {
    id: 'write-once',
    title: 'Pages are written once',
    needs: ['settings'],
    cure: 'Deploy infra/ again, which creates the container and gives the identity "Storage Blob Data Contributor". If a second write was accepted, something between the app and Azure changes requests: find it before you archive anything.',
    async run({ deps, id }) {
      await deps.batches.writePage(pageOf(id), once('first'));
      try {
        await deps.batches.writePage(pageOf(id), once('second'));
      } catch (error) {
        const status = statusOf(error);
        if (status === 409 || status === 412)
          return ok(`a second write of the same page was refused (${status})`);
        throw error;
      }
      return failed('a second write of the same page was accepted');
    },
  },
  {
    id: 'immutability',
    title: 'Retention policy',
    needs: ['write-once'],
    cure: 'Deploy infra/ again: it puts a time-based retention policy on the container "batches". Without it, anyone who may write there can change what was archived.',
    async run({ deps, id }) {
      const blob = pageOf(id);
      const { policy, overwriteRefused, emulator } = await deps.storeProbe.overwrite(
        containers.batches,
        blob,
        Buffer.from('first'),
      );
      if (overwriteRefused) return ok('a page cannot be overwritten, not even on purpose');
      if (emulator) return skipped('this storage is an emulator, which has no retention policies');
      return failed(
        policy
          ? 'the container has a retention policy, but a page could be overwritten'
          : 'the container has no retention policy: a page could be overwritten',
      );
    },
  },
  {
    id: 'alert',
    title: 'Alert path',
    needs: ['settings'],
    cure: 'Check APPLICATIONINSIGHTS_CONNECTION_STRING, and that the identity has "Monitoring Metrics Publisher" on the Application Insights resource.',
    async run({ deps, id }) {
      const fields = { message: `preflight ${id}` };
      if (!deps.traces) {
        deps.emit('preflightTest', fields);
        return skipped(
          'APPLICATIONINSIGHTS_CONNECTION_STRING is not set: the event went to the console only',
        );
      }
      await deps.traces.send(eventLine('preflightTest', fields), new Date(deps.now()).toISOString());
      return ok(`event sent: a mail with "preflight ${id}" must reach the operator within half an hour`);
    },
  },
];

/** A name that no page or manifest has, so that no trigger fires and no count changes. */
const pageOf = (id: string) => `preflight/${id}.txt`;

async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

/** Size and warnings of a mapping; lines, because numbers belong in no change record. */
function describe({ rows, warnings, ignored }: Mapping): string {
  const lines = warnings.map(({ line }) => line).join(', ');
  return [
    `${rows} rows`,
    ...(warnings.length > 0 ? [`check the numbers of line ${lines}: no known numbering plan has them`] : []),
    ...(ignored.length > 0 ? [`${ignored.length} columns are not used`] : []),
  ].join(', ');
}

/** Asks for each name; the failure lists every name that failed. */
async function each<Name extends string, T>(names: Name[], ask: (name: Name) => Promise<T>) {
  const done: [name: Name, answer: T][] = [];
  const problems: string[] = [];
  for (const name of names)
    await ask(name).then(
      (answer) => done.push([name, answer]),
      (error: unknown) => problems.push(`${name}: ${described(error)}`),
    );
  return { done, ...(problems.length > 0 && { failed: failed(problems.join('; ')) }) };
}
