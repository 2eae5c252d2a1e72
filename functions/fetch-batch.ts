import { app } from '@azure/functions';
import { triggerSettings } from '../shared/config';
import { functionNames } from '../shared/names';
import { fetchBatch } from '../shared/pipeline/fetch-batch';
import { deps } from './start';

/** Fetches every window that is due. The schedule is hourly; a window is due once a day. */
app.timer(functionNames.fetchBatch, {
  schedule: triggerSettings(process.env).fetchSchedule,
  handler: () => fetchBatch(deps()),
});
