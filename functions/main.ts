// Registration comes first: the worker fails the load properly only for an app that has registered a function.
import './fetch-batch';
import './backfill-window';
import './split-batch';
import './import-item';
import './quarantine-item';
import './redrive-item';
import './operator-request';
import './reconcile';
import './preflight';
import { deps } from './start';

// One unhandled rejection would end the worker and fail every invocation in it, innocent ones too.
process.on('unhandledRejection', (reason) => {
  console.error('Unhandled rejection:', reason instanceof Error ? reason.message : 'not an error');
});

// A wrong setting stops the app here.
deps();
