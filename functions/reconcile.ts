import { app } from '@azure/functions';
import { triggerSettings } from '../shared/config';
import { functionNames } from '../shared/names';
import { reconcile } from '../shared/pipeline/reconcile';
import { deps } from './start';

/** Puts lost work back on the queue and closes the batches that balance. */
app.timer(functionNames.reconcile, {
  schedule: triggerSettings(process.env).reconcileSchedule,
  handler: () => reconcile(deps()),
});
