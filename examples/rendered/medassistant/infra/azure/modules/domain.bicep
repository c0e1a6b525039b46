// The host name under which users reach the application.

@description('Tags of every resource.')
param tags object

@description('The region.')
param location string

@description('The environment that holds the certificate.')
param environmentName string

@description('The public address of the ingress.')
param address string

@description('What a TXT record must say, to show that the host name is yours.')
param domainVerificationId string

@description('Whether the certificate is asked for: once the zone answers.')
param bindDomain bool

resource zone 'Microsoft.Network/dnsZones@2018-05-01' = {
  name: 'med.example.com'
  location: 'global'
  tags: tags
  properties: {
    zoneType: 'Public'
  }
}

resource record 'Microsoft.Network/dnsZones/A@2018-05-01' = {
  parent: zone
  name: '@'
  properties: {
    TTL: 3600
    ARecords: [
      {
        ipv4Address: address
      }
    ]
  }
}

resource proof 'Microsoft.Network/dnsZones/TXT@2018-05-01' = {
  parent: zone
  name: 'asuid'
  properties: {
    TTL: 3600
    TXTRecords: [
      {
        value: [
          domainVerificationId
        ]
      }
    ]
  }
}

resource environment 'Microsoft.App/managedEnvironments@2025-07-01' existing = {
  name: environmentName
}

// Issued and renewed by Azure; TLS 1.2 is the least that the ingress takes.
resource certificate 'Microsoft.App/managedEnvironments/managedCertificates@2025-07-01' = if (bindDomain) {
  parent: environment
  name: 'med-example-com'
  location: location
  tags: tags
  properties: {
    subjectName: 'med.example.com'
    domainControlValidation: 'HTTP'
  }
  dependsOn: [
    record
    proof
  ]
}

@description('The name servers to which the domain above must point.')
output nameServers array = zone.properties.nameServers
