import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { claimFolder } from '../folder-claim';
import { organisation } from '../samples/organisation';
import { faultPlan } from './fault-plan';
import { startExchange } from './server';

/** The simulated Exchange Online as a process: options in `PART_OPTIONS`, its origin in a message to the parent. */
const partOptions = z.strictObject({
  port: z.int().min(0).max(65_535).default(0),
  dataDir: z.string().optional(),
  faults: faultPlan.optional(),
});

async function main(): Promise<void> {
  const { port, dataDir, faults } = partOptions.parse(JSON.parse(process.env.PART_OPTIONS ?? '{}'));
  if (dataDir !== undefined) {
    mkdirSync(dataDir, { recursive: true });
    await claimFolder(join(dataDir, 'exchange.pid'));
  }
  const exchange = await startExchange({
    port,
    users: organisation,
    ...(dataDir !== undefined && { dataDir }),
    ...(faults && { faults }),
  });
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    void exchange.close().finally(() => process.exit(0));
  };
  process.on('disconnect', stop);
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.send?.({ origin: exchange.origin });
}

void main().catch((error: unknown) => {
  process.stderr.write(`exchange simulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
