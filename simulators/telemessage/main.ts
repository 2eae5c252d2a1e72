import * as z from 'zod';
import { connectorIds, connectors } from '../../shared/connectors';
import { sampleLines, type ArchivedLine } from '../samples/day';
import { hostileLines } from '../samples/hostile-lines';
import { faultOptions } from './page-faults';
import { startTeleMessage } from './server';

/** The simulated TeleMessage site as a process: it serves the sample days, for any window. */

const partOptions = z.strictObject({
  port: z.int().min(0).max(65_535).optional(),
  username: z.string(),
  password: z.string(),
  faults: faultOptions.optional(),
  pageBytes: z.int().positive().optional(),
  unlicensed: z.array(z.string()).optional(),
  cursorLifetimeMs: z.int().positive().optional(),
  lockAfter: z.int().positive().optional(),
  lockMs: z.int().nonnegative().optional(),
  /** Adds the hostile lines to the sample days. */
  hostile: z.boolean().optional(),
});

async function main(): Promise<void> {
  const { hostile, ...options } = partOptions.parse(JSON.parse(process.env['PART_OPTIONS'] ?? '{}'));
  const site = await startTeleMessage({
    ...options,
    sources(source, window) {
      const id = connectorIds.find((one) => connectors[one].source === source);
      if (!id || !hostile) return id && sampleLines(id, window);
      const lines = [...sampleLines(id, window), ...hostileLines(id, window)];
      return lines.sort((a, b) => arrivedAt(a) - arrivedAt(b));
    },
  });
  const stop = () => void site.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.once('disconnect', stop);
  process.send?.({ origin: site.origin });
}

const arrivedAt = ({ gatewayReceivedDate }: ArchivedLine) => Date.parse(gatewayReceivedDate);

main().catch((error: unknown) => {
  console.error(error instanceof z.ZodError ? z.prettifyError(error) : error);
  process.exit(1);
});
