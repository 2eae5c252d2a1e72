// Second step, after the app was published and has started once: only then does the webhook's key exist. It can be
// run again at any time, and must be run again after that key was renewed.
targetScope = 'resourceGroup'

@description('Name of the function app (output functionAppName of main.bicep).')
param functionAppName string

@description('Name of the evidence account (output evidenceAccountName of main.bicep).')
param evidenceAccountName string

// The trigger that a manifest fires, and where manifests stand: held to shared/names.ts by a test.
var functionName = 'splitBatch'
var manifestsBegin = '/blobServices/default/containers/batches/blobs/manifests/'
var manifestsEnd = '.json'

// The app whose webhook takes the events.
resource site 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionAppName
}

// The account that the manifests are written to, and undeliverable events.
resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: evidenceAccountName
}

// Made by evidence.bicep, with an identity that may write dead letters.
resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' existing = {
  name: 'evgt-${evidenceAccountName}'
}

// The trigger itself checks neither type nor path of an event: without this filter every page would fire it.
resource manifestWritten 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  parent: topic
  name: 'manifest-written'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: 'https://${site.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.${functionName}&code=${listKeys('${site.id}/host/default', '2024-04-01').systemKeys.blobs_extension}'
        maxEventsPerBatch: 1
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: manifestsBegin
      subjectEndsWith: manifestsEnd
      isSubjectCaseSensitive: true
    }
    // A day of retries outlasts an ordinary outage; after that the reconcile timer finds the manifest.
    retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: { resourceId: account.id, blobContainerName: 'dead-letters' }
      }
    }
  }
}
