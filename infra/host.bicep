// The storage account of the Functions host: packages, timer leases, keys. Nothing in it is evidence.

@description('Suffix that makes names unique.')
param suffix string
@description('Region.')
param location string
@description('Network rules, from main.bicep.')
param access object
@description('Object id of the app\'s identity.')
param appPrincipalId string

// What the host needs on its own account when it signs in with an identity: blobs for leases and packages, queues and
// the account's properties for the blob trigger, tables for its diagnostic events. Published ids of built-in roles.
var roles = {
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  queueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  tableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  storageAccountContributor: '17d1049b-9a84-46fb-8f53-869881c3d3ab'
}

// Only the app's identity has access: a shared key would let its holder replace the package that the app runs.
resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: 'sthost${suffix}'
  location: location
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: access.isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: access.isPrivate ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
    }
  }
}

// The container's parent, which Bicep must name.
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
}

// Flex Consumption runs the app from the package in this container.
resource deployments 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'deployments'
  properties: { publicAccess: 'None' }
}

// The host signs in to its own storage as the app.
resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in items(roles): {
    scope: account
    name: guid(account.id, appPrincipalId, role.value)
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role.value)
    }
  }
]

output accountId string = account.id
output deploymentContainerUrl string = '${account.properties.primaryEndpoints.blob}${deployments.name}'
output blobUrl string = account.properties.primaryEndpoints.blob
output queueUrl string = account.properties.primaryEndpoints.queue
output tableUrl string = account.properties.primaryEndpoints.table
