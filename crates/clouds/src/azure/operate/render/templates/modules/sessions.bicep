// The store of sessions: they expire by themselves, and cost nothing while nobody asks for them.

@description('The region.')
param location string

@description('The name of the account, unique in all of Azure.')
param name string

@description('Tags of every resource.')
param tags object

@description('The workspace that logs go to.')
param workspaceId string

@description('The identity that reads and writes sessions.')
param principalId string

@description('The network from which sessions are read and written.')
param networkId string

@description('The subnet of private endpoints.')
param endpointsSubnetId string

// Cosmos DB's own role: read and write items, nothing else.
var dataContributor = '00000000-0000-0000-0000-000000000002'

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    enableMultipleWriteLocations: false
    capabilities: [
      {
        // Paid by request; no throughput is set aside.
        name: 'EnableServerless'
      }
    ]
    consistencyPolicy: {
      // Whoever wrote a session reads what they wrote.
      defaultConsistencyLevel: 'Session'
    }
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: {{ sessions.zones }}
      }
    ]
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: '{{ sessions.backups }}'
      }
    }
    minimalTlsVersion: 'Tls12'
    // There is no key that could leak: who reads and writes has an identity.
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    publicNetworkAccess: 'Disabled'
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-04-15' = {
  parent: account
  name: 'sessions'
  properties: {
    resource: {
      id: 'sessions'
    }
  }
}

resource container 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-04-15' = {
  parent: database
  name: 'sessions'
  properties: {
    resource: {
      id: 'sessions'
      partitionKey: {
        kind: 'Hash'
        version: 2
        paths: [
          '/id'
        ]
      }
      // Seconds after which a session goes, unless it says otherwise itself.
      defaultTtl: {{ sessions.ttl_s }}
      // Sessions are read by their id only: an index would double the price of a write.
      indexingPolicy: {
        automatic: true
        indexingMode: 'consistent'
        includedPaths: []
        excludedPaths: [
          {
            path: '/*'
          }
        ]
      }
    }
  }
}

resource uses 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = {
  parent: account
  name: guid(account.id, principalId, dataContributor)
  properties: {
    principalId: principalId
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/${dataContributor}'
    scope: '${account.id}/dbs/${database.name}'
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'data'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'It holds data. Take this lock away first, if that is meant.'
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: account
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'ControlPlaneRequests'
        enabled: true
      }
    ]
  }
}

module endpoint 'private-endpoint.bicep' = {
  name: 'sessions-endpoint'
  params: {
    location: location
    name: '${name}-endpoint'
    tags: tags
    networkId: networkId
    subnetId: endpointsSubnetId
    targetId: account.id
    groupId: 'Sql'
    zoneName: 'privatelink.documents.azure.com'
  }
}

@description('Where sessions are read and written.')
output url string = '${account.properties.documentEndpoint}dbs/${database.name}/colls/${container.name}'
