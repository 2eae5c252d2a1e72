// Everything the archiver needs, in one resource group. The Event Grid subscription is a second step after publishing:
// events.bicep needs a key that the app creates at its first start.
targetScope = 'resourceGroup'

@description('Short name of the installation; part of the name of every resource.')
@minLength(2)
@maxLength(10)
param name string

@description('Region of all resources; it must offer Flex Consumption.')
param location string = resourceGroup().location

@description('Microsoft 365 cloud of the tenant. GCC runs in Azure public, GCC High and DoD run in Azure Government.')
@allowed(['Commercial', 'GCC', 'GCCHigh', 'DoD'])
param cloud string

@description('Origin of the TeleMessage site, such as https://archive.example.com.')
param teleMessageBaseUrl string

@description('Connectors to fetch, separated by commas.')
param connectors string = 'wechat,whatsapp'

@description('Any other settings that local.settings.sample.json describes, by name; all values are strings. Never put a secret here.')
param settings object = {}

@description('E-mail address for alerts.')
param operatorEmail string

@description('Object id of the operators\' Entra group. Operators enter the TeleMessage sign-in and read evidence, tables and logs.')
@minLength(36)
@maxLength(36)
param operatorsGroupId string

@description('Address ranges (CIDR) from which operators reach the app, the vault and the evidence. Empty: the app can be reached from anywhere.')
param operatorAddresses array = []

@description('Days during which a raw batch can be neither changed nor deleted. Default: six years (SEC 17a-4).')
@minValue(1)
@maxValue(146000)
param retentionDays int = 2190

@description('Set to true once an operator has locked the retention policy: Azure refuses to deploy a locked policy again.')
param retentionLocked bool = false

@description('Redundancy of the evidence. Geo-redundant copies survive the loss of a region.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_RAGRS', 'Standard_GZRS', 'Standard_RAGZRS'])
param evidenceRedundancy string = 'Standard_GRS'

@description('public: storage and vault can be reached from the internet, by Entra identities only. private: they can be reached only from a virtual network, and the app calls out from one fixed address.')
@allowed(['public', 'private'])
param network string = 'public'

@description('Address space of the virtual network, a /25 or larger. Used only when network is private.')
param vnetAddressPrefix string = '10.80.0.0/24'

@description('Memory of an instance in MB. IMPORT_MEMORY_MB in settings must stay well below it.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Maximum number of instances. docs/sizing.md says how many a day of items needs.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

var suffix = uniqueString(resourceGroup().id, name)
var isPrivate = network == 'private'
var access = {
  isPrivate: isPrivate
  operatorAddresses: operatorAddresses
}
// Bicep's own environment() knows only the retired Azure AD Graph, and cannot tell DoD from GCC High.
var graphBaseUrls = {
  Commercial: 'https://graph.microsoft.com'
  GCC: 'https://graph.microsoft.com'
  GCCHigh: 'https://graph.microsoft.us'
  DoD: 'https://dod-graph.microsoft.us'
}

// The app's only identity. It is separate from the app, so that the grants in Exchange and Entra survive a
// reinstallation.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-${suffix}'
  location: location
}

// Logs, alerts and the workbook: events that need a person become mails to the operator.
module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  params: {
    name: name
    suffix: suffix
    location: location
    operatorEmail: operatorEmail
    operatorsGroupId: operatorsGroupId
    appPrincipalId: identity.properties.principalId
  }
}

// What an auditor asks for: raw batches, ledger, outcomes, quarantine. Separate from everything that may be deleted.
module evidence 'evidence.bicep' = {
  name: 'evidence'
  params: {
    suffix: suffix
    location: location
    access: access
    redundancy: evidenceRedundancy
    retentionDays: retentionDays
    retentionLocked: retentionLocked
    appPrincipalId: identity.properties.principalId
    operatorsGroupId: operatorsGroupId
    workspaceId: monitoring.outputs.workspaceId
  }
}

// Holds the sign-in of the TeleMessage accounts, which an operator types in.
module vault 'vault.bicep' = {
  name: 'vault'
  params: {
    suffix: suffix
    location: location
    access: access
    appPrincipalId: identity.properties.principalId
    operatorsGroupId: operatorsGroupId
    opensItems: contains(settings, 'DECRYPTION_KEY')
    workspaceId: monitoring.outputs.workspaceId
  }
}

// The storage that the Functions host uses for itself.
module host 'host.bicep' = {
  name: 'host'
  params: {
    suffix: suffix
    location: location
    access: access
    appPrincipalId: identity.properties.principalId
  }
}

// A private way from the app to storage and vault.
module privateNetwork 'network.bicep' = if (isPrivate) {
  name: 'network'
  params: {
    name: name
    suffix: suffix
    location: location
    addressPrefix: vnetAddressPrefix
    evidenceAccountId: evidence.outputs.accountId
    hostAccountId: host.outputs.accountId
    vaultId: vault.outputs.vaultId
  }
}

// The app comes last: at its start it opens everything above.
module app 'app.bicep' = {
  name: 'app'
  params: {
    name: name
    suffix: suffix
    location: location
    identityId: identity.id
    identityClientId: identity.properties.clientId
    subnetId: privateNetwork.?outputs.appSubnetId ?? ''
    operatorAddresses: operatorAddresses
    deploymentContainerUrl: host.outputs.deploymentContainerUrl
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    settings: union(
      {
        RETENTION_DAYS: string(retentionDays)
        AzureWebJobsStorage__blobServiceUri: host.outputs.blobUrl
        AzureWebJobsStorage__queueServiceUri: host.outputs.queueUrl
        AzureWebJobsStorage__tableServiceUri: host.outputs.tableUrl
        ArchiveStorage__blobServiceUri: evidence.outputs.blobUrl
        ArchiveStorage__queueServiceUri: evidence.outputs.queueUrl
        ArchiveStorage__tableServiceUri: evidence.outputs.tableUrl
        KEY_VAULT_URL: vault.outputs.vaultUrl
        GRAPH_BASE_URL: graphBaseUrls[cloud]
        TELEMESSAGE_BASE_URL: teleMessageBaseUrl
        CONNECTORS: connectors
      },
      settings
    )
  }
}

@description('Name to publish to: func azure functionapp publish NAME.')
output functionAppName string = app.outputs.functionAppName
@description('Vault for the TeleMessage sign-in.')
output vaultName string = vault.outputs.vaultName
@description('Storage account of the evidence.')
output evidenceAccountName string = evidence.outputs.accountName
@description('Application id of the identity, for the grants in Exchange and Entra.')
output identityClientId string = identity.properties.clientId
@description('Object id of the identity, for the grants in Exchange and Entra.')
output identityPrincipalId string = identity.properties.principalId
@description('Fixed address from which the app calls out when network is private, else empty.')
output outboundAddress string = privateNetwork.?outputs.outboundAddress ?? ''
