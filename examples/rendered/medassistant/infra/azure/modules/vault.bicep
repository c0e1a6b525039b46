// The vault of secrets. Nobody but the application's identity reads them, through the network.

@description('The region.')
param location string

@description('The name of the vault, unique in all of Azure.')
param name string

@description('Tags of every resource.')
param tags object

@description('The workspace that logs go to.')
param workspaceId string

@description('The identity that reads secrets.')
param principalId string

@description('The network from which secrets are read.')
param networkId string

@description('The subnet of private endpoints.')
param endpointsSubnetId string

@description('Secrets to write, by name. What is left out stays as it is.')
@secure()
param secrets object

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
// The secrets that the specification names; what else is given is not written.
var secretNames = [
  'api-key'
]

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    // Roles instead of access policies: one place says who may do what.
    enableRbacAuthorization: true
    // A deleted secret can be had back for 90 days, and nobody can shorten that.
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: 'Disabled'
    networkAcls: {
      // Deployments write secrets through Resource Manager, which passes as a service of Azure.
      bypass: 'AzureServices'
      defaultAction: 'Deny'
    }
  }
}

module given 'secret.bicep' = [for (one, index) in secretNames: if (contains(secrets, one)) {
  name: 'secret-${index}'
  params: {
    vaultName: vault.name
    name: one
    value: secrets[one]
  }
}]

resource reads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, secretsUser)
  scope: vault
  properties: {
    description: 'The application reads its secrets'
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        // Who read which secret, and when.
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = {
  name: 'vault-endpoint'
  params: {
    location: location
    name: '${name}-endpoint'
    tags: tags
    networkId: networkId
    subnetId: endpointsSubnetId
    targetId: vault.id
    groupId: 'vault'
    zoneName: 'privatelink.vaultcore.azure.net'
  }
}

@description('The name of the vault.')
output name string = vault.name

@description('Where secrets are read.')
output uri string = vault.properties.vaultUri
