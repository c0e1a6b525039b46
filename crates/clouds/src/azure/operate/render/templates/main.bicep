// `{{ name }}` on Azure, environment `{{ folder }}`: everything in one resource group.
// Each module is one concern; this file says what there is and what hangs on what.
targetScope = 'resourceGroup'

@description('The region of everything that has one.')
param location string = resourceGroup().location
{% if application %}

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

{% if premium_registry %}
@description('Whether the registry can be reached from the internet: a pipeline on machines of GitHub needs it.')
@allowed([
  'Enabled'
  'Disabled'
])
param registryPublicNetworkAccess string = 'Enabled'

{% endif %}
@description('The GitHub repository whose pipeline deploys, OWNER/NAME; empty for none.')
param githubRepository string = ''
{% endif %}
{% if asked %}

@description('Secrets to write into the vault, by name: on the first deployment, and to change them. What is left out stays as it is.')
@secure()
param secrets object = {}
{% endif %}
{% if database %}

@description('The password of the database: on the first deployment, and to change it. Empty leaves it as it is.')
@secure()
param databasePassword string = ''
{% endif %}
{% if chat %}

@description('Where the language model answers: anywhere (GlobalStandard), in the same part of the world (DataZoneStandard) or in the region (Standard).')
@allowed([
  'GlobalStandard'
  'DataZoneStandard'
  'Standard'
])
param chatDeploymentType string = 'GlobalStandard'

@description('Thousands of tokens a minute that may be asked for; each subscription has a quota.')
@minValue(1)
param chatCapacity int = 30
{% endif %}
{% if domain and not front_door %}

@description('Whether the host name is bound and its certificate asked for: once its name servers point to the zone.')
param bindDomain bool = false
{% endif %}
{% if vpn %}

@description('The two public addresses of the VPN of the other environment (an output there); empty until it is there.')
@maxLength(2)
param peerAddresses array = []

@description('The keys of the two tunnels, which both halves know and nobody else: `first` and `second`.')
@secure()
param vpnSharedKeys object = {}
{% endif %}

// Names that must be unique in all of Azure end with this: the same on every deployment, another
// in every other resource group.
var token = uniqueString(resourceGroup().id)

var tags = {
  application: '{{ name }}'
  environment: '{{ folder }}'
  profile: '{{ profile }}'
}

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    location: location
    name: '{{ names.network }}'
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    name: '{{ names.base }}'
    tags: tags
  }
}

{% if identity %}
// Who the application is: it has no password, only roles on what it needs.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '{{ names.identity }}'
  location: location
  tags: tags
}

{% endif %}
{% if application %}
module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    location: location
    name: '{{ names.registry }}${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
{% if premium_registry %}
    publicNetworkAccess: registryPublicNetworkAccess
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
{% endif %}
  }
}

{% endif %}
{% if vault %}
module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    location: location
    name: '{{ names.vault }}-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
{% if asked %}
    secrets: secrets
{% endif %}
  }
}

{% endif %}
{% if database %}
module database 'modules/database.bicep' = {
  name: 'database'
  params: {
    location: location
    name: '{{ names.base }}-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    networkId: network.outputs.id
    subnetId: network.outputs.databaseSubnetId
    vaultName: vault.outputs.name
    password: databasePassword
  }
}

{% endif %}
{% if storage %}
module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    location: location
    name: '{{ names.storage }}${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
  }
}

{% endif %}
{% if sessions %}
module sessions 'modules/sessions.bicep' = {
  name: 'sessions'
  params: {
    location: location
    name: '{{ names.sessions }}-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
  }
}

{% endif %}
{% if chat %}
module chat 'modules/chat.bicep' = {
  name: 'chat'
  params: {
    location: location
    name: '{{ names.chat }}-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    principalId: identity.properties.principalId
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
    deploymentType: chatDeploymentType
    capacity: chatCapacity
  }
}

{% endif %}
{% if cache %}
module cache 'modules/cache.bicep' = {
  name: 'cache'
  params: {
    location: location
    name: '{{ names.cache }}-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    vaultName: vault.outputs.name
    networkId: network.outputs.id
    endpointsSubnetId: network.outputs.endpointsSubnetId
  }
}

{% endif %}
{% if application %}
module environment 'modules/environment.bicep' = {
  name: 'environment'
  params: {
    location: location
    name: '{{ names.environment }}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    subnetId: network.outputs.applicationsSubnetId
{% if application.dapr and insights %}
    insightsConnectionString: monitoring.outputs.insightsConnectionString
{% endif %}
  }
}

// What the application and its jobs find in their environment.
var variables = [
{% for one in application.variables %}
  {
    name: '{{ one.name }}'
{% if one.given == "bucket" %}
    value: '${storage.outputs.blobEndpoint}{{ one.value }}'
{% elif one.given == "sessions" %}
    value: sessions.outputs.url
{% elif one.given == "chat" %}
    value: chat.outputs.baseUrl
{% elif one.given == "model" %}
    value: chat.outputs.model
{% elif one.given == "identity" %}
    value: identity.properties.clientId
{% elif one.given == "insights" %}
    value: monitoring.outputs.insightsConnectionString
{% elif one.given == "secret" %}
    secretRef: '{{ one.value }}'
{% else %}
    value: '{{ one.value }}'
{% endif %}
  }
{% endfor %}
]

// Secrets are never in a template, a log or a revision: each is an address in the vault.
var secretAddresses = [{% if application.secrets %}

{% for one in application.secrets %}
  {
    name: '{{ one }}'
    keyVaultUrl: '${vault.outputs.uri}secrets/{{ one }}'
    identity: identity.id
  }
{% endfor %}
{% endif %}
]

module application 'modules/application.bicep' = if (withApplication) {
  name: 'application'
  params: {
    location: location
    name: '{{ names.application }}'
    tags: tags
    environmentId: environment.outputs.id
    identityId: identity.id
    registryServer: registry.outputs.server
    image: image
    variables: variables
    secrets: secretAddresses
    stableRevision: stableRevision
    newestWeight: newestWeight
{% if domain and not front_door %}
    bindDomain: bindDomain
{% endif %}
  }
{% if application.waits_for %}
  dependsOn: [
{% for one in application.waits_for %}
    {{ one }}
{% endfor %}
  ]
{% endif %}
}

{% if jobs %}
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
{% if application.waits_for %}
  dependsOn: [
{% for one in application.waits_for %}
    {{ one }}
{% endfor %}
  ]
{% endif %}
}

{% endif %}
{% if front_door %}
module frontDoor 'modules/front-door.bicep' = if (withApplication) {
  name: 'front-door'
  params: {
    name: '{{ names.front_door }}'
    endpointName: '{{ names.front_door }}-${token}'
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    originHost: application.outputs.host
  }
}

{% endif %}
{% if domain and front_door %}
module domain 'modules/domain.bicep' = if (withApplication) {
  name: 'domain'
  params: {
    tags: tags
    endpointId: frontDoor.outputs.endpointId
    validationToken: frontDoor.outputs.validationToken
  }
}

{% elif domain %}
module domain 'modules/domain.bicep' = {
  name: 'domain'
  params: {
    tags: tags
    location: location
    environmentName: environment.outputs.name
{% if domain.zone %}
    address: environment.outputs.address
    domainVerificationId: environment.outputs.domainVerificationId
{% endif %}
    bindDomain: bindDomain
  }
  // The application must know the host name before a certificate is given for it.
  dependsOn: [
    application
  ]
}

{% endif %}
{% endif %}
{% if alerts.metrics or alerts.queries %}
module alerts 'modules/alerts.bicep' = {% if application %}if (withApplication) {% endif %}{
  name: 'alerts'
  params: {
    name: '{{ names.base }}'
    tags: tags
    receiversId: monitoring.outputs.receiversId
{% if alerts.queries %}
    location: location
    insightsId: monitoring.outputs.insightsId
{% endif %}
{% if alerts.application %}
    applicationId: application.outputs.id
{% endif %}
{% if alerts.database %}
    databaseId: database.outputs.id
{% endif %}
{% if alerts.front_door %}
    frontDoorId: frontDoor.outputs.id
{% endif %}
  }
}

{% endif %}
{% if budget %}
module budget 'modules/budget.bicep' = {
  name: 'budget'
  params: {
    name: '{{ names.base }}'
  }
}

{% endif %}
{% if vpn %}
module vpn 'modules/vpn.bicep' = {
  name: 'vpn'
  params: {
    location: location
    name: '{{ names.base }}'
    tags: tags
    gatewaySubnetId: network.outputs.gatewaySubnetId
    peerAddresses: peerAddresses
    sharedKeys: vpnSharedKeys
  }
}

{% endif %}
{% if application %}
module pipeline 'modules/pipeline.bicep' = if (withApplication && !empty(githubRepository)) {
  name: 'pipeline'
  params: {
    location: location
    name: '{{ names.pipeline }}'
    tags: tags
    repository: githubRepository
    registryName: registry.outputs.name
    applicationIdentityName: identity.name
    applicationName: '{{ names.application }}'
    environmentName: '{{ names.environment }}'
{% if jobs %}
    jobNames: [
{% for job in jobs %}
      '{{ job.name }}'
{% endfor %}
    ]
{% endif %}
  }
  dependsOn: [
    application
{% if jobs %}
    jobs
{% endif %}
  ]
}

@description('Where images are pushed to: the variable REGISTRY of the GitHub environment.')
output registryName string = registry.outputs.name

@description('Where the application answers.')
output url string = withApplication ? 'https://{% if front_door %}${frontDoor.outputs.host}{% else %}${application.outputs.host}{% endif %}' : ''

@description('What the pipeline signs in with: the variable AZURE_CLIENT_ID of the GitHub environment.')
output pipelineClientId string = withApplication && !empty(githubRepository) ? pipeline.outputs.clientId : ''

// What `container-app.yaml` is filled in with.

@description('ENVIRONMENT_ID of `container-app.yaml`.')
output environmentId string = environment.outputs.id

@description('IDENTITY_ID of `container-app.yaml`.')
output identityId string = identity.id

@description('REGISTRY_SERVER of `container-app.yaml`.')
output registryServer string = registry.outputs.server
{% if application.secrets %}

@description('VAULT_URI of `container-app.yaml`.')
output vaultUri string = vault.outputs.uri
{% endif %}
{% if storage %}

@description('BLOB_ENDPOINT of `container-app.yaml`.')
output blobEndpoint string = storage.outputs.blobEndpoint
{% endif %}
{% if sessions %}

@description('SESSIONS_URL of `container-app.yaml`.')
output sessionsUrl string = sessions.outputs.url
{% endif %}
{% if chat %}

@description('CHAT_BASE_URL of `container-app.yaml`.')
output chatBaseUrl string = chat.outputs.baseUrl
{% endif %}
{% if application.identifies %}

@description('IDENTITY_CLIENT_ID of `container-app.yaml`.')
output identityClientId string = identity.properties.clientId
{% endif %}
{% if insights %}

@description('INSIGHTS_CONNECTION_STRING of `container-app.yaml`; it only allows writing.')
output insightsConnectionString string = monitoring.outputs.insightsConnectionString
{% endif %}
{% if domain %}
{% if domain.zone %}

@description('The name servers to which `{{ domain.host }}` must point.')
output nameServers array = {% if front_door %}withApplication ? domain.outputs.nameServers : []{% else %}domain.outputs.nameServers{% endif %}

{% else %}

@description('What a TXT record `asuid.{{ domain.host }}` must say, in the zone of the other environment.')
output domainVerificationId string = environment.outputs.domainVerificationId

@description('What an A record `{{ domain.host }}` says once this environment serves.')
output address string = environment.outputs.address
{% endif %}
{% endif %}
{% endif %}
{% if database %}

@description('The name under which the network knows the database server.')
output databaseHost string = database.outputs.host
{% endif %}
{% if vpn %}

@description('The two public addresses of this half of the VPN, for the other environment.')
output vpnAddresses array = vpn.outputs.addresses
{% endif %}
