import { app } from '@azure/functions';
import { archiveConnection, functionNames, queues } from '../shared/names';
import { readRedriveRequest } from '../shared/pipeline/messages';
import { redriveItem } from '../shared/pipeline/redrive-item';
import { deps } from './start';

/** Puts an item of the quarantine back on the queue, on request. */
app.storageQueue(functionNames.redriveItem, {
  connection: archiveConnection,
  queueName: queues.redriveItem,
  handler: (message) => redriveItem(deps(), readRedriveRequest(message)),
});
