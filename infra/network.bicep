// The private option: storage and vault can be reached only from this network, and the app calls out from one fixed
// address, which TeleMessage can allow.

@description('Name of the installation.')
param name string
@description('Suffix that makes names unique.')
param suffix string
@description('Region.')
param location string
@description('Address space of the network.')
param addressPrefix string
@description('Storage account of the evidence.')
param evidenceAccountId string
@description('Storage account of the Functions host.')
param hostAccountId string
@description('Vault of the TeleMessage sign-in.')
param vaultId string

var storageSuffix = environment().suffixes.storage
// The vault's private zone is called vaultcore where its public one is called vault.
var vaultZone = 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
var zoneNames = [
  'privatelink.blob.${storageSuffix}'
  'privatelink.queue.${storageSuffix}'
  'privatelink.table.${storageSuffix}'
  vaultZone
]
var endpoints = [
  { name: 'evidence-blob', target: evidenceAccountId, part: 'blob', zone: 0 }
  { name: 'evidence-queue', target: evidenceAccountId, part: 'queue', zone: 1 }
  { name: 'evidence-table', target: evidenceAccountId, part: 'table', zone: 2 }
  { name: 'host-blob', target: hostAccountId, part: 'blob', zone: 0 }
  { name: 'host-queue', target: hostAccountId, part: 'queue', zone: 1 }
  { name: 'host-table', target: hostAccountId, part: 'table', zone: 2 }
  { name: 'vault', target: vaultId, part: 'vault', zone: 3 }
]

// The fixed address of the app's calls to Graph and TeleMessage.
resource address 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: 'pip-${name}-${suffix}'
  location: location
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

// Without a gateway, new subnets cannot reach the internet.
resource gateway 'Microsoft.Network/natGateways@2024-05-01' = {
  name: 'ng-${name}-${suffix}'
  location: location
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: address.id }] }
}

// One network for this app: a subnet for its instances, one for the private endpoints.
resource vnet 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-${name}-${suffix}'
  location: location
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          natGateway: { id: gateway.id }
          // Flex Consumption requires a subnet of its own, with this delegation.
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: { addressPrefix: cidrSubnet(addressPrefix, 26, 1) }
      }
    ]
  }
}

// The subnet of the app's instances, by name.
resource appSubnet 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = {
  parent: vnet
  name: 'app'
}

// The subnet of the endpoints, by name.
resource endpointSubnet 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = {
  parent: vnet
  name: 'endpoints'
}

// Inside the network, the names of storage and vault resolve to private addresses.
resource zones 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for zone in zoneNames: {
    name: zone
    location: 'global'
  }
]

// Without the link, the network would not use the zone.
resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (zone, index) in zoneNames: {
    parent: zones[index]
    name: 'app'
    location: 'global'
    properties: { registrationEnabled: false, virtualNetwork: { id: vnet.id } }
  }
]

// One endpoint per service: each part of a storage account needs its own.
resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for endpoint in endpoints: {
    name: 'pe-${endpoint.name}-${suffix}'
    location: location
    properties: {
      subnet: { id: endpointSubnet.id }
      privateLinkServiceConnections: [
        {
          name: endpoint.name
          properties: { privateLinkServiceId: endpoint.target, groupIds: [endpoint.part] }
        }
      ]
    }
  }
]

// Enters the endpoint's address into the zone.
resource endpointNames 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (endpoint, index) in endpoints: {
    parent: privateEndpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [{ name: endpoint.part, properties: { privateDnsZoneId: zones[endpoint.zone].id } }]
    }
  }
]

output appSubnetId string = appSubnet.id
output outboundAddress string = address.properties.ipAddress
