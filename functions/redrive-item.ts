import { app } from '@azure/functions';
import { archiveConnection, functionNames, queues } from '../shared/names';
import { readRedriveRequest } from '../shared/pipeline/messages';
import { redriveItem } from '../shared/pipeline/redrive-item';
import { carryOut } from '../shared/pipeline/requests';
import { deps } from './start';

const queue = queues.redriveItem;
const request = { queue, read: readRedriveRequest, stage: redriveItem };

/** Puts a quarantined item back on the queue, after a mapping, a limit or a mailbox was changed. */
app.storageQueue(functionNames.redriveItem, {
  connection: archiveConnection,
  queueName: queue,
  handler: (message) => carryOut(deps(), request, message),
});
