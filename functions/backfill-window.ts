import { app } from '@azure/functions';
import { archiveConnection, functionNames, queues } from '../shared/names';
import { backfillWindow } from '../shared/pipeline/backfill-window';
import { readBackfillRequest } from '../shared/pipeline/messages';
import { deps } from './start';

/** Fetches a window on request, as a run of its own. */
app.storageQueue(functionNames.backfillWindow, {
  connection: archiveConnection,
  queueName: queues.backfillWindow,
  handler: (message) => backfillWindow(deps(), readBackfillRequest(message)),
});
