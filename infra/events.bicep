// Second step of a deployment. The webhook's key exists only after the app was published and has started once. You can
// run this step again at any time, and must run it again after you renewed that key.
targetScope = 'resourceGroup'

@description('Name of the function app (output functionAppName of main.bicep).')
param functionAppName string

@description('Name of the evidence account (output evidenceAccountName of main.bicep).')
param evidenceAccountName string

// The function that a manifest triggers, and where manifests are. A test compares these names with shared/names.ts.
var functionName = 'splitBatch'
var manifestsBegin = '/blobServices/default/containers/batches/blobs/manifests/'
var manifestsEnd = '.json'

// The app whose webhook receives the events.
resource site 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionAppName
}

// The account that holds the manifests, and the events that could not be delivered.
resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: evidenceAccountName
}

// Created by evidence.bicep, with an identity that may write dead letters.
resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' existing = {
  name: 'evgt-${evidenceAccountName}'
}

// Without this filter every page would start the function: the trigger checks neither type nor path of an event.
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
