import { app } from '@azure/functions';
import { archiveConnection, functionNames, queues } from '../shared/names';
import { importItem } from '../shared/pipeline/import-item';
import { readItemPointer } from '../shared/pipeline/messages';
import { orPutOff } from '../shared/pipeline/put-off';
import { deps } from './start';

/** Imports one item into every mapped mailbox. */
app.storageQueue(functionNames.importItem, {
  connection: archiveConnection,
  queueName: queues.importItem,
  handler: (message) => {
    const pointer = readItemPointer(message);
    return orPutOff(deps(), pointer, () => importItem(deps(), pointer));
  },
});
