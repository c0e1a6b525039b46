// The registry of the application's images.

@description('The region.')
param location string

@description('The name of the registry, unique in all of Azure.')
param name string

@description('Tags of every resource.')
param tags object

@description('The workspace that logs go to.')
param workspaceId string

@description('The identity that pulls images.')
param principalId string

@description('The network from which images are pulled.')
param networkId string

@description('The subnet of private endpoints.')
param endpointsSubnetId string

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  // checkov:skip=CKV_AZURE_139: the pipeline pushes from outside of the network, with its own identity
  // checkov:skip=CKV_AZURE_166: images are scanned by Microsoft Defender, for a whole subscription; quarantine without a scanner lets nothing out
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Premium'
  }
  properties: {
    // Who pushes or pulls has an identity: there is no password that could leak.
    adminUserEnabled: false
    anonymousPullEnabled: false
    zoneRedundancy: 'Enabled'
    // The pipeline pushes from outside of the network, with its own identity.
    publicNetworkAccess: 'Enabled'
    networkRuleBypassOptions: 'AzureServices'
    policies: {
      // What no tag names any more goes after a month.
      retentionPolicy: {
        status: 'enabled'
        days: 30
      }
      exportPolicy: {
        status: 'enabled'
      }
    }
  }
}

resource pulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, principalId, acrPull)
  scope: registry
  properties: {
    description: 'The application pulls its image'
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: registry
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = {
  name: 'registry-endpoint'
  params: {
    location: location
    name: '${name}-endpoint'
    tags: tags
    networkId: networkId
    subnetId: endpointsSubnetId
    targetId: registry.id
    groupId: 'registry'
    zoneName: 'privatelink.azurecr.io'
  }
}

@description('The name of the registry.')
output name string = registry.name

@description('Where images are pulled from.')
output server string = registry.properties.loginServer
