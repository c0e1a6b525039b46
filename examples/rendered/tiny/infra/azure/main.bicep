// `tiny` on Azure, environment `azure`: everything in one resource group.
// Each module is one concern; this file says what there is and what hangs on what.
targetScope = 'resourceGroup'

@description('The region of everything that has one.')
param location string = resourceGroup().location

@description('The image of the application, with a digest or a fixed tag. The pipeline gives the digest that it pushed.')
@minLength(1)
param image string

@description('Whether the application is there. Without it a first deployment makes the registry, for an image that cannot be pulled from elsewhere.')
param withApplication bool = true

@description('The revision that goes on serving while a new one is tried; empty when there is none.')
param stableRevision string = ''

@description('Percent of the requests that the newest revision gets, beside a stable one.')
@minValue(0)
@maxValue(100)
param newestWeight int = 10

@description('The GitHub repository whose pipeline deploys, OWNER/NAME; empty for none.')
param githubRepository string = ''

// Names that must be unique in all of Azure end with this: the same on every deployment, another
// in every other resource group.
var token = uniqueString(resourceGroup().id)

var tags = {
  application: 'tiny'
  environment: 'azure'
  profile: 'small'
}

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    location: location
    name: 'tiny'
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    name: 'tiny'
    tags: tags
  }
}

// Who the application is: it has no password, only roles on what it needs.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'tiny'
  location: location
  tags: tags
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    location: location
    name: 'tiny${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
  }
}

module environment 'modules/environment.bicep' = {
  name: 'environment'
  params: {
    location: location
    name: 'tiny'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    subnetId: network.outputs.applicationsSubnetId
  }
}

// What the application and its jobs find in their environment.
var variables = [
  {
    name: 'PORT'
    value: '8000'
  }
  {
    name: 'LOG_LEVEL'
    value: 'info'
  }
]

// Secrets are never in a template, a log or a revision: each is an address in the vault.
var secretAddresses = [
]

module application 'modules/application.bicep' = if (withApplication) {
  name: 'application'
  params: {
    location: location
    name: 'tiny'
    tags: tags
    environmentId: environment.outputs.id
    identityId: identity.id
    registryServer: registry.outputs.server
    image: image
    variables: variables
    secrets: secretAddresses
    stableRevision: stableRevision
    newestWeight: newestWeight
  }
}

module alerts 'modules/alerts.bicep' = if (withApplication) {
  name: 'alerts'
  params: {
    name: 'tiny'
    tags: tags
    receiversId: monitoring.outputs.receiversId
    applicationId: application.outputs.id
  }
}

module pipeline 'modules/pipeline.bicep' = if (withApplication && !empty(githubRepository)) {
  name: 'pipeline'
  params: {
    location: location
    name: 'tiny-pipeline'
    tags: tags
    repository: githubRepository
    registryName: registry.outputs.name
    applicationIdentityName: identity.name
    applicationName: 'tiny'
    environmentName: 'tiny'
  }
  dependsOn: [
    application
  ]
}

@description('Where images are pushed to: the variable REGISTRY of the GitHub environment.')
output registryName string = registry.outputs.name

@description('Where the application answers.')
output url string = withApplication ? 'https://${application.outputs.host}' : ''

@description('What the pipeline signs in with: the variable AZURE_CLIENT_ID of the GitHub environment.')
output pipelineClientId string = withApplication && !empty(githubRepository) ? pipeline.outputs.clientId : ''

// What `container-app.yaml` is filled in with.

@description('ENVIRONMENT_ID of `container-app.yaml`.')
output environmentId string = environment.outputs.id

@description('IDENTITY_ID of `container-app.yaml`.')
output identityId string = identity.id

@description('REGISTRY_SERVER of `container-app.yaml`.')
output registryServer string = registry.outputs.server
