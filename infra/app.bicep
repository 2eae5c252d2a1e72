// The function app on Flex Consumption.

@description('Name of the installation.')
param name string
@description('Suffix that makes names unique.')
param suffix string
@description('Region.')
param location string
@description('Resource id of the app\'s identity.')
param identityId string
@description('Application id of the app\'s identity.')
param identityClientId string
@description('Subnet for the app\'s outbound calls; empty for none.')
param subnetId string
@description('Address ranges (CIDR) that may reach the app; empty for all.')
param operatorAddresses array
@description('Container that holds the published package.')
param deploymentContainerUrl string
@description('Where telemetry goes. No secret: Application Insights accepts telemetry only with the identity\'s token.')
param insightsConnectionString string
@description('Memory of an instance in MB.')
param instanceMemoryMB int
@description('Maximum number of instances.')
param maximumInstanceCount int
@description('Settings of the app, apart from those of the platform.')
param settings object

// Addresses are restricted only if the operators name theirs. Event Grid delivers over the internet (it cannot reach a
// private endpoint), so its addresses stay allowed; its calls carry the webhook's key.
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

// Serverless: instances start when there is work, and none runs when there is not.
resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}-${suffix}'
  location: location
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

// The concurrency of the queue triggers is in host.json, where the queue extension reads it; the platform has such a
// number for HTTP only. No instance is kept ready: the archive may start some seconds late.
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

// A publishing password would be a second identity that no log can name: packages are published with an Entra token.
resource scmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'scm'
  properties: { allow: false }
}

// The same for FTP, which nobody uses.
resource ftpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'ftp'
  properties: { allow: false }
}

// A deployment replaces all settings: put what an operator changes by hand into the parameter file as well.
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
