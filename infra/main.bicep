// Everything the archiver needs in one resource group. The Event Grid subscription follows after publishing:
// events.bicep needs a key that the app makes at its first start.
targetScope = 'resourceGroup'

@description('Short name of the installation; part of the name of every resource.')
@minLength(2)
@maxLength(10)
param name string

@description('Region of all resources; it must offer Flex Consumption.')
param location string = resourceGroup().location

@description('Microsoft 365 cloud of the tenant. GCC tenants are served by Azure public, GCC High and DoD by Azure Government.')
@allowed(['Commercial', 'GCC', 'GCCHigh', 'DoD'])
param cloud string

@description('Origin of the TeleMessage site, such as https://archive.example.com.')
param teleMessageBaseUrl string

@description('Connectors that are fetched, separated by commas.')
param connectors string = 'wechat,whatsapp'

@description('Any other setting that local.settings.sample.json describes, by its name; all values are strings. Never a secret.')
param settings object = {}

@description('Address that alerts are mailed to.')
param operatorEmail string

@description('Object id of the Entra group of the operators: they enter the TeleMessage sign-in and read evidence, tables and logs.')
@minLength(36)
@maxLength(36)
param operatorsGroupId string

@description('Address ranges (CIDR) from which operators reach the app, the vault and the evidence. Empty: the app from anywhere.')
param operatorAddresses array = []

@description('Days for which a raw batch can be neither changed nor deleted. Six years by default (SEC 17a-4).')
@minValue(1)
@maxValue(146000)
param retentionDays int = 2190

@description('True once an operator has locked the retention policy: a locked policy refuses to be deployed again.')
param retentionLocked bool = false

@description('Copies of the evidence. The geo-redundant ones keep it through the loss of a region.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_RAGRS', 'Standard_GZRS', 'Standard_RAGZRS'])
param evidenceRedundancy string = 'Standard_GRS'

@description('public: storage and vault answer on the internet, to Entra identities alone. private: they answer in a virtual network alone, and the app leaves it by one fixed address.')
@allowed(['public', 'private'])
param network string = 'public'

@description('Address space of the virtual network; at least a /25. Used when network is private.')
param vnetAddressPrefix string = '10.80.0.0/24'

@description('Memory of an instance in MB. IMPORT_MEMORY_MB in settings must stay well below it.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances at a time; docs/sizing.md says how many a day of items needs.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

var suffix = uniqueString(resourceGroup().id, name)
var isPrivate = network == 'private'
var access = {
  isPrivate: isPrivate
  operatorAddresses: operatorAddresses
}
// Bicep's own environment() knows the retired Azure AD Graph alone, and cannot tell DoD from GCC High.
var graphBaseUrls = {
  Commercial: 'https://graph.microsoft.com'
  GCC: 'https://graph.microsoft.com'
  GCCHigh: 'https://graph.microsoft.us'
  DoD: 'https://dod-graph.microsoft.us'
}

// The one identity of the app: it outlives the app, so that Exchange and Entra grants survive a reinstallation.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-${suffix}'
  location: location
}

// Logs, alerts and the workbook: signals of the app become mails to the operator.
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

// What an auditor asks for: raw batches, ledger, outcomes, quarantine. Apart from everything that may be deleted.
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

// The sign-in of the TeleMessage accounts, typed in by an operator.
module vault 'vault.bicep' = {
  name: 'vault'
  params: {
    suffix: suffix
    location: location
    access: access
    appPrincipalId: identity.properties.principalId
    operatorsGroupId: operatorsGroupId
    workspaceId: monitoring.outputs.workspaceId
  }
}

// The storage that the Functions host itself works with.
module host 'host.bicep' = {
  name: 'host'
  params: {
    suffix: suffix
    location: location
    access: access
    appPrincipalId: identity.properties.principalId
  }
}

// The way from the app to storage and vault that no one else can take.
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

// The app, after everything that it opens when it starts.
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
@description('Vault that waits for the TeleMessage sign-in.')
output vaultName string = vault.outputs.vaultName
@description('Storage account of the evidence.')
output evidenceAccountName string = evidence.outputs.accountName
@description('Application id of the identity, for the grants in Exchange and Entra.')
output identityClientId string = identity.properties.clientId
@description('Object id of the identity, for the grants in Exchange and Entra.')
output identityPrincipalId string = identity.properties.principalId
@description('Fixed address that the app calls from when network is private, else empty.')
output outboundAddress string = privateNetwork.?outputs.outboundAddress ?? ''
