import { app } from '@azure/functions';
import { triggerSettings } from '../shared/config';
import {
  archiveConnection,
  containers,
  functionNames,
  manifestPrefix,
  manifestSuffix,
} from '../shared/names';
import { readManifest } from '../shared/pipeline/messages';
import { splitBatch } from '../shared/pipeline/split-batch';
import { deps } from './start';

/** Puts one pointer per item of a committed batch on the queue. The batch's manifest triggers it. */
app.storageBlob(functionNames.splitBatch, {
  connection: archiveConnection,
  path: `${containers.batches}/${manifestPrefix}{connector}/{number}${manifestSuffix}`,
  source: triggerSettings(process.env).blobSource,
  handler: (blob) => splitBatch(deps(), readManifest(blob)),
});
