import { app } from '@azure/functions';
import { archiveConnection, functionNames, queues } from '../shared/names';
import { quarantineItem } from '../shared/pipeline/quarantine-item';
import { deps } from './start';

/** Quarantines an item that the host gave up on after five attempts. */
app.storageQueue(functionNames.quarantineItem, {
  connection: archiveConnection,
  queueName: queues.importItemPoison,
  handler: (message) => quarantineItem(deps(), message),
});
