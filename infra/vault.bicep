// The vault with the TeleMessage sign-in. No secret passes through a template: operators type it in.

@description('Suffix that makes names unique.')
param suffix string
@description('Region.')
param location string
@description('Network rules, from main.bicep.')
param access object
@description('Object id of the app\'s identity.')
param appPrincipalId string
@description('Object id of the operators\' group.')
param operatorsGroupId string
@description('Whether the app opens items that TeleMessage encrypted, with a key of this vault.')
param opensItems bool
@description('Workspace for the audit log.')
param workspaceId string

// Published ids of built-in roles.
var roles = {
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  cryptoServiceEncryptionUser: 'e147488a-f6f5-4113-8e2d-b22465e65bf6'
  secretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
}

// Purge protection: somebody who takes over an operator's account cannot destroy the sign-in permanently.
resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: 'kv-${suffix}'
  location: location
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: access.isPrivate && empty(access.operatorAddresses) ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: access.isPrivate ? 'Deny' : 'Allow'
      bypass: 'None'
      ipRules: [for cidr in (access.isPrivate ? access.operatorAddresses : []): { value: replace(cidr, '/32', '') }]
    }
  }
}

// The app reads the sign-in at its first fetch, and again when TeleMessage refuses it.
resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, appPrincipalId, roles.secretsUser)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsUser)
  }
}

// The app unwraps the data keys of encrypted items. It can neither see the private key nor sign or decrypt with it.
resource appKeyAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (opensItems) {
  scope: vault
  name: guid(vault.id, appPrincipalId, roles.cryptoServiceEncryptionUser)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cryptoServiceEncryptionUser)
  }
}

// Operators enter the sign-in, and change it when the password expires.
resource operatorAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, operatorsGroupId, roles.secretsOfficer)
  properties: {
    principalId: operatorsGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsOfficer)
  }
}

// Records who read or changed the sign-in.
resource audit 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

output vaultId string = vault.id
output vaultName string = vault.name
output vaultUrl string = vault.properties.vaultUri
