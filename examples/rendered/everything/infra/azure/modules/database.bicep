// The PostgreSQL server, inside the network and nowhere else.

@description('The region.')
param location string

@description('The name of the server, unique in all of Azure.')
param name string

@description('Tags of every resource.')
param tags object

@description('The workspace that logs go to.')
param workspaceId string

@description('The network in which the server is known.')
param networkId string

@description('The subnet of the server.')
param subnetId string

@description('The vault that holds the address of the database.')
param vaultName string

@description('The password of the administrator; empty leaves it as it is.')
@secure()
param password string

var login = 'dbadmin'

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: '${name}.private.postgres.database.azure.com'
  location: 'global'
  tags: tags
}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: zone
  name: 'network'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: networkId
    }
  }
}

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Standard_D2ds_v5'
    tier: 'GeneralPurpose'
  }
  properties: {
    version: '17'
    administratorLogin: login
    // Left out, the password stays as it is.
    administratorLoginPassword: empty(password) ? null : password
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Enabled'
      tenantId: subscription().tenantId
    }
    storage: {
      storageSizeGB: 256
      // A full disk stops the server: it grows before that.
      autoGrow: 'Enabled'
    }
    backup: {
      // Any second of these days can be had back.
      backupRetentionDays: 35
      // A copy in the paired region. It can be asked for only when the server is made.
      geoRedundantBackup: 'Enabled'
    }
    highAvailability: {
      // A second server in another zone has every committed row and takes over within two minutes.
      mode: 'ZoneRedundant'
    }
    network: {
      delegatedSubnetResourceId: subnetId
      privateDnsZoneArmResourceId: zone.id
      publicNetworkAccess: 'Disabled'
    }
    maintenanceWindow: {
      // Sunday, 03:00 in UTC.
      customWindow: 'Enabled'
      dayOfWeek: 0
      startHour: 3
      startMinute: 0
    }
  }
  dependsOn: [
    link
  ]
}

resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: server
  name: 'records'
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
}

var settings = [
  {
    // Connections without TLS are refused.
    name: 'require_secure_transport'
    value: 'ON'
  }
  {
    name: 'ssl_min_protocol_version'
    value: 'TLSv1.2'
  }
  {
    name: 'log_checkpoints'
    value: 'ON'
  }
  {
    name: 'log_connections'
    value: 'ON'
  }
  {
    name: 'log_disconnections'
    value: 'ON'
  }
  {
    name: 'log_lock_waits'
    value: 'ON'
  }
  {
    // Statements that take longer than a second, in milliseconds.
    name: 'log_min_duration_statement'
    value: '1000'
  }
  {
    // Which statements cost most (Query Store).
    name: 'pg_qs.query_capture_mode'
    value: 'top'
  }
  {
    // Logical replication, for the other environment or a move. Takes effect after a restart.
    name: 'wal_level'
    value: 'logical'
  }
  {
    name: 'max_replication_slots'
    value: '20'
  }
  {
    name: 'max_wal_senders'
    value: '20'
  }
  {
    name: 'max_worker_processes'
    value: '16'
  }
  {
    // A reader that has gone away must not fill the disk: beyond this many MB it is given up.
    name: 'max_slot_wal_keep_size'
    value: '65536'
  }
]

// One after the other: the server takes one change at a time.
@batchSize(1)
resource configurations 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = [for one in settings: {
  parent: server
  name: one.name
  properties: {
    value: one.value
    source: 'user-override'
  }
  dependsOn: [
    database
  ]
}]

resource lock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'data'
  scope: server
  properties: {
    level: 'CanNotDelete'
    notes: 'It holds data. Take this lock away first, if that is meant.'
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: server
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

module url 'secret.bicep' = if (!empty(password)) {
  name: 'database-secret'
  params: {
    vaultName: vaultName
    name: 'database'
    value: 'postgresql://${login}:${password}@${server.properties.fullyQualifiedDomainName}:5432/records?sslmode=require'
  }
}

@description('The server, which alerts watch.')
output id string = server.id

@description('The name under which the network knows the server.')
output host string = server.properties.fullyQualifiedDomainName
