/** Names that Azure resources, host.json, Bicep and the code must agree on. A test compares them. */

/** Prefix of the settings of the evidence storage account, which holds this app's containers, tables and queues. */
export const archiveConnection = 'ArchiveStorage';

export const containers = {
  /** Raw pages and manifests, write-once. */
  batches: 'batches',
  /** The current mapping file, one blob per connector. */
  mappings: 'mappings',
  /** The audit trail, write-once: an entry per act, and each mapping file that was in force. */
  audit: 'audit',
} as const;

export const queues = {
  importItem: 'import-item',
  importItemPoison: 'import-item-poison',
  backfillWindow: 'backfill-window',
  backfillWindowPoison: 'backfill-window-poison',
  redriveItem: 'redrive-item',
  redriveItemPoison: 'redrive-item-poison',
  operatorRequest: 'operator-request',
  operatorRequestPoison: 'operator-request-poison',
} as const;

export const tables = {
  /** One row per delivery: partition = item key, row = user id. */
  ledger: 'ledger',
  /** One row per item: partition = connector and batch, row = position. */
  outcomes: 'outcomes',
  /** One row per batch: partition = connector, row = batch number. */
  batches: 'batches',
  /** One row per run (a window fetched for one cause), and the watermark: partition = connector. */
  runs: 'runs',
  /** Items that need a person: partition = connector and batch, row = position. */
  quarantine: 'quarantine',
  /** Who is archived: partition = connector, row = end of the window, batch and user id. */
  coverage: 'coverage',
  /** The folder in each mailbox: partition = connector, row = user id. */
  folders: 'folders',
} as const;

/** Names of manifests in the batches container; the blob trigger and the Event Grid filter use both. */
export const manifestPrefix = 'manifests/';
export const manifestSuffix = '.json';

/** Names of the registered functions, without hyphens: on Linux an app setting cannot disable a function with one. */
export const functionNames = {
  fetchBatch: 'fetchBatch',
  backfillWindow: 'backfillWindow',
  splitBatch: 'splitBatch',
  importItem: 'importItem',
  quarantineItem: 'quarantineItem',
  redriveItem: 'redriveItem',
  operatorRequest: 'operatorRequest',
  reconcile: 'reconcile',
  preflight: 'preflight',
} as const;
