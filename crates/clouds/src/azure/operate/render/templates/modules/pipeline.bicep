// The identity of the pipeline: GitHub signs in as it, without any key (OpenID Connect).

@description('The region.')
param location string

@description('The name of the identity.')
param name string

@description('Tags of every resource.')
param tags object

@description('The repository, OWNER/NAME.')
param repository string

@description('The registry that it pushes to.')
param registryName string

@description('The identity of the application, which the pipeline may hand to a new revision.')
param applicationIdentityName string

@description('The container app that it deploys.')
param applicationName string

@description('The environment in which it runs.')
param environmentName string
{% if jobs %}

@description('The jobs that it deploys.')
param jobNames array
{% endif %}

var acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec'
var identityOperator = 'f1a07417-d97a-45cb-824c-7a7467783830'
var containerAppsContributor = '358470bc-b998-42bd-ab17-a7e34c199c0f'
{% if jobs %}
var jobsContributor = '4e3d2b60-56ae-4dc6-a233-09c8e5a82e68'
{% endif %}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

resource trust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = {
  parent: identity
  name: 'github'
  properties: {
    issuer: 'https://token.actions.githubusercontent.com'
    // Jobs of this repository that run in this environment of GitHub, and no others.
    subject: 'repo:${repository}:environment:{{ folder }}'
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registryName
}

resource applicationIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: applicationIdentityName
}

resource environment 'Microsoft.App/managedEnvironments@2025-07-01' existing = {
  name: environmentName
}

resource application 'Microsoft.App/containerApps@2025-07-01' existing = {
  name: applicationName
}
{% if jobs %}

resource jobs 'Microsoft.App/jobs@2025-07-01' existing = [for one in jobNames: {
  name: one
}]
{% endif %}

resource pushes 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, identity.id, acrPush)
  scope: registry
  properties: {
    description: 'The pipeline pushes images'
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPush)
  }
}

resource hands 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(applicationIdentity.id, identity.id, identityOperator)
  scope: applicationIdentity
  properties: {
    description: 'The pipeline hands the identity of the application to a new revision'
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', identityOperator)
  }
}

resource joins 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(environment.id, identity.id, containerAppsContributor)
  scope: environment
  properties: {
    description: 'The pipeline puts revisions into the environment'
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', containerAppsContributor)
  }
}

resource deploys 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(application.id, identity.id, containerAppsContributor)
  scope: application
  properties: {
    description: 'The pipeline deploys the application'
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', containerAppsContributor)
  }
}
{% if jobs %}

resource deploysJobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (one, index) in jobNames: {
  name: guid(resourceId('Microsoft.App/jobs', one), identity.id, jobsContributor)
  scope: jobs[index]
  properties: {
    description: 'The pipeline deploys the job'
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', jobsContributor)
  }
}]
{% endif %}

@description('The client id that the pipeline signs in with: the variable AZURE_CLIENT_ID of the GitHub environment.')
output clientId string = identity.properties.clientId
