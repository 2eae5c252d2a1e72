import { app } from '@azure/functions';
import { archiveConnection, functionNames, queues } from '../shared/names';
import { backfillWindow } from '../shared/pipeline/backfill-window';
import { readBackfillRequest } from '../shared/pipeline/messages';
import { carryOut } from '../shared/pipeline/requests';
import { deps } from './start';

const queue = queues.backfillWindow;
const request = { queue, read: readBackfillRequest, stage: backfillWindow };

/** Fetches a window on request, as a run of its own. */
app.storageQueue(functionNames.backfillWindow, {
  connection: archiveConnection,
  queueName: queue,
  handler: (message) => carryOut(deps(), request, message),
});
