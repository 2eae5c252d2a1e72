// The evidence account: the records that must outlive the app, and the queues and tables that it works with.

@description('Suffix that makes names unique.')
param suffix string
@description('Region.')
param location string
@description('Network rules, from main.bicep.')
param access object
@description('Kind of replication.')
param redundancy string
@description('Days of the retention policy.')
param retentionDays int
@description('True once the policy is locked.')
param retentionLocked bool
@description('Object id of the app\'s identity.')
param appPrincipalId string
@description('Object id of the operators\' group.')
param operatorsGroupId string
@description('Workspace for the record of deletions.')
param workspaceId string

// Names that the code uses (shared/names.ts); a test compares the two lists. The poison queues are created here, so
// that an operator sees them before the first failure; the host would create them only then.
var queueNames = [
  'import-item'
  'import-item-poison'
  'backfill-window'
  'backfill-window-poison'
  'redrive-item'
  'redrive-item-poison'
  'operator-request'
  'operator-request-poison'
]
var requestQueueNames = ['backfill-window', 'redrive-item', 'operator-request']
var tableNames = ['ledger', 'outcomes', 'batches', 'runs', 'quarantine', 'coverage', 'folders']
var softDeleteDays = 30

// Published ids of built-in roles.
var roles = {
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  blobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  queueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  queueDataReader: '19e7f393-937e-4f77-808e-94535e297925'
  queueDataMessageSender: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  tableDataReader: '76199698-9eea-4c19-bc75-cec21354c6b6'
}
var appRoles = [roles.blobDataContributor, roles.queueDataContributor, roles.tableDataContributor]
var operatorRoles = [roles.blobDataReader, roles.queueDataReader, roles.tableDataReader]

// Shared keys are off: a key is an identity that no log can name. The host has an account of its own, because its
// contents change with every deployment.
resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: 'stevid${suffix}'
  location: location
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Without a virtual network, a Flex Consumption app has no fixed address that a firewall could allow.
    publicNetworkAccess: access.isPrivate && empty(access.operatorAddresses) ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: access.isPrivate ? 'Deny' : 'Allow'
      // Event Grid writes its dead letters as a trusted service.
      bypass: 'AzureServices'
      // Storage refuses a single address written with /32, which is how the app's own restrictions need it.
      ipRules: [
        for cidr in (access.isPrivate ? access.operatorAddresses : []): {
          value: replace(cidr, '/32', '')
          action: 'Allow'
        }
      ]
    }
  }
}

// Nobody can delete this account, alone or with its resource group, until someone removes the lock on purpose.
resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: account
  name: 'evidence'
  properties: { level: 'CanNotDelete', notes: 'Holds records that must be kept. See docs/operations.md.' }
}

// Versions keep earlier mapping files; soft delete lets an operator restore a deleted dead letter.
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
  }
}

// Raw pages and the manifests that commit them.
resource batches 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'batches'
  properties: { publicAccess: 'None' }
}

// The storage service itself refuses a second write, whatever the code does. It starts unlocked; an operator locks it,
// which cannot be undone.
resource retention 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2023-05-01' = if (!retentionLocked) {
  parent: batches
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: retentionDays
    allowProtectedAppendWrites: false
  }
}

// The audit trail: who did what, and the mapping files that were in force. Written once, like the batches.
resource audit 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'audit'
  properties: { publicAccess: 'None' }
}

// As for the batches.
resource auditRetention 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2023-05-01' = if (!retentionLocked) {
  parent: audit
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: retentionDays
    allowProtectedAppendWrites: false
  }
}

// The mapping file in force. Its versions show which file an earlier delivery used.
resource mappings 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'mappings'
  properties: { publicAccess: 'None' }
}

// Events that could not be delivered to the app within a day. No item is lost with them (the reconcile timer finds
// every manifest), but they explain why a batch was late.
resource deadLetters 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'dead-letters'
  properties: { publicAccess: 'None' }
}

// Raw pages are read in their first days. After that, the cool tier stores them at a lower price.
resource tiers 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'cool-old-pages'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['batches/pages/'] }
            actions: { baseBlob: { tierToCool: { daysAfterModificationGreaterThan: 90 } } }
          }
        }
        // Once their retention is over, and the app has had time to remove the rows that refer to them.
        {
          name: 'remove-expired-batches'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['batches/'] }
            actions: { baseBlob: { delete: { daysAfterCreationGreaterThan: retentionDays + 90 } } }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

// The queues' parent, which Bicep must name.
resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

// Work in flight. Queue triggers do not create their queues.
resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = [
  for queue in queueNames: {
    parent: queueService
    name: queue
  }
]

// The tables' parent, which Bicep must name.
resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2023-05-01' = {
  parent: account
  name: 'default'
}

// What the app did with every item: it continues from these tables, and an auditor reads them.
resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = [
  for table in tableNames: {
    parent: tableService
    name: table
  }
]

// The app reads and writes data here. It holds no management role, so it cannot change the account.
resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in appRoles: {
    scope: account
    name: guid(account.id, appPrincipalId, role)
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]

// Operators can read everything and change nothing.
resource operatorAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in operatorRoles: {
    scope: account
    name: guid(account.id, operatorsGroupId, role)
    properties: {
      principalId: operatorsGroupId
      principalType: 'Group'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]

// An operator's act is not done before it is written down: they may add to the audit trail. Its retention policy refuses
// every change of an entry.
resource auditAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: audit
  name: guid(audit.id, operatorsGroupId, roles.blobDataContributor)
  properties: {
    principalId: operatorsGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
  }
}

// Operators upload one thing: the mapping file.
resource mappingAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: mappings
  name: guid(mappings.id, operatorsGroupId, roles.blobDataContributor)
  properties: {
    principalId: operatorsGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
  }
}

// Operators send requests: fetch a window again, try an item of the quarantine again, and what else needs the app's
// own rights (fetch now, accept an incomplete day, note something on an item).
resource requestAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for queue in requestQueueNames: {
    scope: queues[indexOf(queueNames, queue)]
    name: guid(account.id, queue, operatorsGroupId, roles.queueDataMessageSender)
    properties: {
      principalId: operatorsGroupId
      principalType: 'Group'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.queueDataMessageSender)
    }
  }
]

// Sends an Event Grid event when a manifest is written. It is created here, not in events.bicep: a new role takes some
// minutes to work, and the subscription needs this one for its dead letters.
resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' = {
  name: 'evgt-${account.name}'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    source: account.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

// Event Grid may write events that it could not deliver into this container, and nothing anywhere else.
resource deadLetterAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: deadLetters
  name: guid(deadLetters.id, topic.id, roles.blobDataContributor)
  properties: {
    principalId: topic.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
  }
}

// Who tried to delete a blob, and when. Reads and writes are not logged: there are several for every item.
resource deletions 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'deletions'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}

output accountId string = account.id
output accountName string = account.name
output blobUrl string = account.properties.primaryEndpoints.blob
output queueUrl string = account.properties.primaryEndpoints.queue
output tableUrl string = account.properties.primaryEndpoints.table
