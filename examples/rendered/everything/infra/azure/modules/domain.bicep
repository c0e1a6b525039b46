// The host name under which users reach the application.

@description('Tags of every resource.')
param tags object

@description('The address of Front Door.')
param endpointId string

@description('What a TXT record must say, to show that the host name is yours.')
param validationToken string

resource zone 'Microsoft.Network/dnsZones@2018-05-01' = {
  name: 'app.example.com'
  location: 'global'
  tags: tags
  properties: {
    zoneType: 'Public'
  }
}

resource address 'Microsoft.Network/dnsZones/A@2018-05-01' = {
  parent: zone
  name: '@'
  properties: {
    TTL: 3600
    targetResource: {
      id: endpointId
    }
  }
}

resource proof 'Microsoft.Network/dnsZones/TXT@2018-05-01' = {
  parent: zone
  name: '_dnsauth'
  properties: {
    TTL: 3600
    TXTRecords: [
      {
        value: [
          validationToken
        ]
      }
    ]
  }
}

@description('The name servers to which the domain above must point.')
output nameServers array = zone.properties.nameServers

@description('The zone.')
output zoneId string = zone.id
