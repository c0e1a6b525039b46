// `medassistant` on Azure, environment `secondary`: everything in one resource group.
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

@description('The password of the database: on the first deployment, and to change it. Empty leaves it as it is.')
@secure()
param databasePassword string = ''

@description('Whether the host name is bound and its certificate asked for: once its name servers point to the zone.')
param bindDomain bool = false

@description('The two public addresses of the VPN of the other environment (an output there); empty until it is there.')
@maxLength(2)
param peerAddresses array = []

@description('The keys of the two tunnels, which both halves know and nobody else: `first` and `second`.')
@secure()
param vpnSharedKeys object = {}

// Names that must be unique in all of Azure end with this: the same on every deployment, another
// in every other resource group.
var token = uniqueString(resourceGroup().id)

var tags = {
  application: 'medassistant'
  environment: 'secondary'
  profile: 'standard'
}

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    location: location
    name: 'medassistant'
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    name: 'medassistant'
    tags: tags
  }
}

// Who the application is: it has no password, only roles on what it needs.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'medassistant'
  location: location
  tags: tags
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    location: location
    name: 'medassistant${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    location: location
    name: 'medassista-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
  }
}

module database 'modules/database.bicep' = {
  name: 'database'
  params: {
    location: location
    name: 'medassistant-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    networkId: network.outputs.id
    subnetId: network.outputs.databaseSubnetId
    vaultName: vault.outputs.name
    password: databasePassword
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    location: location
    name: 'medassistan${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
  }
}

module sessions 'modules/sessions.bicep' = {
  name: 'sessions'
  params: {
    location: location
    name: 'medassistant-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
  }
}

module environment 'modules/environment.bicep' = {
  name: 'environment'
  params: {
    location: location
    name: 'medassistant'
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
  {
    name: 'DATABASE_URL'
    secretRef: 'database'
  }
  {
    name: 'BUCKET_DOCUMENTS_URL'
    value: '${storage.outputs.blobEndpoint}documents'
  }
  {
    name: 'SESSIONS_URL'
    value: sessions.outputs.url
  }
  {
    name: 'AZURE_CLIENT_ID'
    value: identity.properties.clientId
  }
  {
    name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
    value: monitoring.outputs.insightsConnectionString
  }
]

// Secrets are never in a template, a log or a revision: each is an address in the vault.
var secretAddresses = [
  {
    name: 'database'
    keyVaultUrl: '${vault.outputs.uri}secrets/database'
    identity: identity.id
  }
]

module application 'modules/application.bicep' = if (withApplication) {
  name: 'application'
  params: {
    location: location
    name: 'medassistant'
    tags: tags
    environmentId: environment.outputs.id
    identityId: identity.id
    registryServer: registry.outputs.server
    image: image
    variables: variables
    secrets: secretAddresses
    stableRevision: stableRevision
    newestWeight: newestWeight
    bindDomain: bindDomain
  }
  dependsOn: [
    database
  ]
}

module jobs 'modules/jobs.bicep' = if (withApplication) {
  name: 'jobs'
  params: {
    location: location
    tags: tags
    environmentId: environment.outputs.id
    identityId: identity.id
    registryServer: registry.outputs.server
    image: image
    variables: variables
    secrets: secretAddresses
  }
  dependsOn: [
    database
  ]
}

module domain 'modules/domain.bicep' = {
  name: 'domain'
  params: {
    tags: tags
    location: location
    environmentName: environment.outputs.name
    bindDomain: bindDomain
  }
  // The application must know the host name before a certificate is given for it.
  dependsOn: [
    application
  ]
}

module alerts 'modules/alerts.bicep' = if (withApplication) {
  name: 'alerts'
  params: {
    name: 'medassistant'
    tags: tags
    receiversId: monitoring.outputs.receiversId
    location: location
    insightsId: monitoring.outputs.insightsId
    applicationId: application.outputs.id
    databaseId: database.outputs.id
  }
}

module vpn 'modules/vpn.bicep' = {
  name: 'vpn'
  params: {
    location: location
    name: 'medassistant'
    tags: tags
    gatewaySubnetId: network.outputs.gatewaySubnetId
    peerAddresses: peerAddresses
    sharedKeys: vpnSharedKeys
  }
}

module pipeline 'modules/pipeline.bicep' = if (withApplication && !empty(githubRepository)) {
  name: 'pipeline'
  params: {
    location: location
    name: 'medassistant-pipeline'
    tags: tags
    repository: githubRepository
    registryName: registry.outputs.name
    applicationIdentityName: identity.name
    applicationName: 'medassistant'
    environmentName: 'medassistant'
    jobNames: [
      'medassistant-setup'
    ]
  }
  dependsOn: [
    application
    jobs
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

@description('VAULT_URI of `container-app.yaml`.')
output vaultUri string = vault.outputs.uri

@description('BLOB_ENDPOINT of `container-app.yaml`.')
output blobEndpoint string = storage.outputs.blobEndpoint

@description('SESSIONS_URL of `container-app.yaml`.')
output sessionsUrl string = sessions.outputs.url

@description('IDENTITY_CLIENT_ID of `container-app.yaml`.')
output identityClientId string = identity.properties.clientId

@description('INSIGHTS_CONNECTION_STRING of `container-app.yaml`; it only allows writing.')
output insightsConnectionString string = monitoring.outputs.insightsConnectionString

@description('What a TXT record `asuid.med.example.com` must say, in the zone of the other environment.')
output domainVerificationId string = environment.outputs.domainVerificationId

@description('What an A record `med.example.com` says once this environment serves.')
output address string = environment.outputs.address

@description('The name under which the network knows the database server.')
output databaseHost string = database.outputs.host

@description('The two public addresses of this half of the VPN, for the other environment.')
output vpnAddresses array = vpn.outputs.addresses
