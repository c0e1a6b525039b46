// The cache in memory (Azure Managed Redis; Azure Cache for Redis takes no new caches).

@description('The region.')
param location string

@description('The name of the cache, unique in its region.')
param name string

@description('Tags of every resource.')
param tags object

@description('The workspace that logs go to.')
param workspaceId string

@description('The vault that holds the address of the cache.')
param vaultName string

@description('The network from which it is asked.')
param networkId string

@description('The subnet of private endpoints.')
param endpointsSubnetId string

resource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Balanced_B1'
  }
  properties: {
    // A copy in another zone.
    highAvailability: 'Enabled'
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Disabled'
  }
}

resource database 'Microsoft.Cache/redisEnterprise/databases@2025-07-01' = {
  parent: cluster
  name: 'default'
  properties: {
    clientProtocol: 'Encrypted'
    port: 10000
    // One address, so that any client of Redis can use it.
    clusteringPolicy: 'EnterpriseCluster'
    // What was not used for longest makes room.
    evictionPolicy: 'AllKeysLRU'
    // A URL with a key is what every client of Redis understands; it stays in the vault.
    accessKeysAuthentication: 'Enabled'
  }
}

module url 'secret.bicep' = {
  name: 'cache-secret'
  params: {
    vaultName: vaultName
    name: 'cache-url'
    value: 'rediss://:${uriComponent(database.listKeys().primaryKey)}@${cluster.properties.hostName}:10000'
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: database
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        // Who connected, and when.
        category: 'ConnectionEvents'
        enabled: true
      }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = {
  name: 'cache-endpoint'
  params: {
    location: location
    name: '${name}-endpoint'
    tags: tags
    networkId: networkId
    subnetId: endpointsSubnetId
    targetId: cluster.id
    groupId: 'redisEnterprise'
    zoneName: 'privatelink.redis.azure.net'
  }
}
