import { app } from '@azure/functions';
import { archiveConnection, functionNames, queues } from '../shared/names';
import { quarantineMessage } from '../shared/pipeline/quarantine-message';
import { deps } from './start';

/** Quarantines an item that the host gave up on after five attempts. */
app.storageQueue(functionNames.quarantineItem, {
  connection: archiveConnection,
  queueName: queues.importItemPoison,
  handler: (message) => quarantineMessage(deps(), message),
});
