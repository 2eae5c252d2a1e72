import { z } from 'zod';
import { connectorIds, connectors } from '../../shared/connectors';
import { sampleLines } from '../samples/day';
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
});

async function main(): Promise<void> {
  const options = partOptions.parse(JSON.parse(process.env['PART_OPTIONS'] ?? '{}'));
  const site = await startTeleMessage({
    ...options,
    sources(source, window) {
      const id = connectorIds.find((one) => connectors[one].source === source);
      return id && sampleLines(id, window);
    },
  });
  const stop = () => void site.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.once('disconnect', stop);
  process.send?.({ origin: site.origin });
}

main().catch((error: unknown) => {
  console.error(error instanceof z.ZodError ? z.prettifyError(error) : error);
  process.exit(1);
});
