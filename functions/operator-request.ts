import { app } from '@azure/functions';
import { archiveConnection, functionNames, queues } from '../shared/names';
import { readOperatorRequest } from '../shared/pipeline/messages';
import { carryOutOperatorRequest } from '../shared/pipeline/operator-request';
import { carryOut } from '../shared/pipeline/requests';
import { deps } from './start';

const queue = queues.operatorRequest;
const request = { queue, read: readOperatorRequest, stage: carryOutOperatorRequest };

/** Fetches now, accepts an incomplete day, or notes something on a quarantined item, as an operator asks. */
app.storageQueue(functionNames.operatorRequest, {
  connection: archiveConnection,
  queueName: queue,
  handler: (message) => carryOut(deps(), request, message),
});
