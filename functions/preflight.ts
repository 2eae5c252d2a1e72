import { app } from '@azure/functions';
import { functionNames } from '../shared/names';
import { answerPreflight } from '../shared/preflight/preflight';
import { deps } from './start';

/** Proves that the app can archive, as the app itself. Only the master key opens it: it names mailboxes. */
app.http(functionNames.preflight, {
  methods: ['POST'],
  authLevel: 'admin',
  handler: (request) => answerPreflight(deps(), () => request.json()),
});
