import { startIdentity, type IdentityOptions } from './server';

/** Identity endpoint and vault as a process: options in `PART_OPTIONS`, their URLs in a message to the parent. */

async function main() {
  const options = JSON.parse(process.env['PART_OPTIONS'] ?? '{}') as IdentityOptions;
  const { origin, identityEndpoint, vaultUrl, close } = await startIdentity(options);
  const leave = () => void close().finally(() => process.exit(0));
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  process.on('disconnect', leave);
  process.send?.({ origin, identityEndpoint, vaultUrl });
}

main().catch((error: unknown) => {
  process.stderr.write(
    `The identity endpoint did not start: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
});
