// The function app on Flex Consumption.

@description('Name of the installation.')
param name string
@description('Ending that makes names unique.')
param suffix string
@description('Region.')
param location string
@description('Resource id of the app\'s identity.')
param identityId string
@description('Application id of the app\'s identity.')
param identityClientId string
@description('Subnet that the app\'s calls leave by; empty for none.')
param subnetId string
@description('Address ranges (CIDR) that may reach the app; empty for all.')
param operatorAddresses array
@description('Container that the package is put into.')
param deploymentContainerUrl string
@description('Where telemetry goes; without the identity\'s token it is refused there.')
param insightsConnectionString string
@description('Memory of an instance in MB.')
param instanceMemoryMB int
@description('Most instances at a time.')
param maximumInstanceCount int
@description('Settings of the app beyond those of the platform.')
param settings object

// Restrictions apply once operators name their addresses. Event Grid delivers over the internet (it cannot into a
// private endpoint), so its addresses stay admitted; its calls carry the webhook's key.
var restricted = !empty(operatorAddresses)
var operatorRules = [
  for (cidr, index) in operatorAddresses: {
    name: 'operators-${index}'
    priority: 200 + index
    action: 'Allow'
    ipAddress: cidr
  }
]
var eventGridRule = {
  name: 'event-grid'
  priority: 100
  action: 'Allow'
  tag: 'ServiceTag'
  ipAddress: 'AzureEventGrid'
}

// Serverless: an instance per burst of work, none at rest.
resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}-${suffix}'
  location: location
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

// Concurrency of the queue triggers stands in host.json, where the queue extension reads it; the platform offers a
// number per instance for HTTP alone. No instance is kept ready: the archive may start some seconds late.
resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: 'func-${name}-${suffix}'
  location: location
  kind: 'functionapp,linux'
  // azd finds the app by this tag.
  tags: { 'azd-service-name': 'archiver' }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'node', version: '22' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: []
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ipSecurityRestrictionsDefaultAction: restricted ? 'Deny' : 'Allow'
      ipSecurityRestrictions: restricted ? flatten([[eventGridRule], operatorRules]) : []
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: restricted ? 'Deny' : 'Allow'
      scmIpSecurityRestrictions: operatorRules
    }
  }
}

// A package is published with an Entra token; a password for it would be a second, unnamed identity.
resource scmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'scm'
  properties: { allow: false }
}

// The same for the way that nobody uses.
resource ftpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'ftp'
  properties: { allow: false }
}

// A deployment replaces all settings: what an operator changes by hand belongs into the parameter file too.
resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: site
  name: 'appsettings'
  properties: union(
    {
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      ArchiveStorage__credential: 'managedidentity'
      ArchiveStorage__clientId: identityClientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    },
    settings
  )
}

output functionAppName string = site.name
