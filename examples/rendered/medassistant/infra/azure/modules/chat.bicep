// The language model that the application asks.

@description('The region.')
param location string

@description('The name of the account, unique in all of Azure.')
param name string

@description('Tags of every resource.')
param tags object

@description('The workspace that logs go to.')
param workspaceId string

@description('The identity that asks.')
param principalId string

@description('The network from which it is asked.')
param networkId string

@description('The subnet of private endpoints.')
param endpointsSubnetId string

@description('Where answers are computed: anywhere (GlobalStandard), in the same part of the world (DataZoneStandard) or in the region (Standard). Fewer models are offered the nearer it is.')
@allowed([
  'GlobalStandard'
  'DataZoneStandard'
  'Standard'
])
param deploymentType string

@description('Thousands of tokens a minute that may be asked for; each subscription has a quota.')
@minValue(1)
param capacity int

var openAiUser = '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd'

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'OpenAI'
  identity: {
    type: 'SystemAssigned'
  }
  sku: {
    name: 'S0'
  }
  properties: {
    // Identities work only with a name of its own.
    customSubDomainName: name
    // There is no key that could leak: who asks has an identity.
    disableLocalAuth: true
    publicNetworkAccess: 'Disabled'
    restrictOutboundNetworkAccess: true
    networkAcls: {
      defaultAction: 'Deny'
    }
  }
}

resource model 'Microsoft.CognitiveServices/accounts/deployments@2025-06-01' = {
  parent: account
  name: 'chat'
  sku: {
    name: deploymentType
    capacity: capacity
  }
  properties: {
    model: {
      format: 'OpenAI'
      name: 'gpt-4o'
    }
    // A model that goes out of service is replaced on that day, and not before.
    versionUpgradeOption: 'OnceCurrentVersionExpired'
  }
}

resource asks 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, openAiUser)
  scope: account
  properties: {
    description: 'The application asks the model'
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', openAiUser)
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: account
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        // Who asked, and when; never what was asked.
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = {
  name: 'chat-endpoint'
  params: {
    location: location
    name: '${name}-endpoint'
    tags: tags
    networkId: networkId
    subnetId: endpointsSubnetId
    targetId: account.id
    groupId: 'account'
    zoneName: 'privatelink.openai.azure.com'
  }
  // The account takes one change at a time.
  dependsOn: [
    model
  ]
}

@description('The base URL of the protocol of OpenAI.')
output baseUrl string = '${account.properties.endpoint}openai/v1'

@description('What a question names as its model.')
output model string = model.name
