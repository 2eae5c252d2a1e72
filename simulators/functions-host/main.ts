import { startHost, type HostOptions } from './host';

/** The host as a process: options in `PART_OPTIONS`, its origin and functions in a message to the parent. */

async function main() {
  const options = JSON.parse(process.env['PART_OPTIONS'] ?? '{}') as HostOptions;
  if (!options.appDir) throw new Error('PART_OPTIONS must name appDir and settings');
  // The host signs in to storage with the app's managed identity; the SDK finds its endpoint in these variables.
  for (const name of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER']) {
    const value = options.settings[name];
    if (value) process.env[name] = value;
  }
  const host = await startHost(options);
  host.events.once('stopped', (reason) => {
    process.send?.({ stopped: reason });
    process.stderr.write(`The functions host stopped: ${reason}\n`);
    void host.close().finally(() => process.exit(1));
  });
  let leaving = false;
  const leave = () => {
    if (leaving) return;
    leaving = true;
    void host.close().finally(() => process.exit(0));
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  process.on('disconnect', leave);
  process.send?.({ origin: host.origin, functions: host.functions, refused: host.refused });
}

main().catch((error: unknown) => {
  process.stderr.write(
    `The functions host did not start: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
});
