import { app } from '@azure/functions';
import { functionNames } from '../shared/names';
import { answerPreflight } from '../shared/preflight/preflight';
import { deps } from './start';

/** Proves, with the app's own rights, that the app can archive. It names mailboxes, so it requires the master key. */
app.http(functionNames.preflight, {
  methods: ['POST'],
  authLevel: 'admin',
  handler: (request) => answerPreflight(deps(), () => request.json()),
});
