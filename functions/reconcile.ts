import { app } from '@azure/functions';
import { functionNames } from '../shared/names';
import { reconcile } from '../shared/pipeline/reconcile';
import { deps } from './start';

/** Puts lost work back on the queue and closes the batches that balance. */
app.timer(functionNames.reconcile, {
  schedule: '%RECONCILE_SCHEDULE%',
  handler: () => reconcile(deps()),
});
