// The host name under which users reach the application.

@description('Tags of every resource.')
param tags object

{% if front_door %}
@description('The address of Front Door.')
param endpointId string

@description('What a TXT record must say, to show that the host name is yours.')
param validationToken string

resource zone 'Microsoft.Network/dnsZones@2018-05-01' = {
  name: '{{ domain.host }}'
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
    TTL: {{ domain.ttl_s }}
    targetResource: {
      id: endpointId
    }
  }
}

resource proof 'Microsoft.Network/dnsZones/TXT@2018-05-01' = {
  parent: zone
  name: '_dnsauth'
  properties: {
    TTL: {{ domain.ttl_s }}
    TXTRecords: [
      {
        value: [
          validationToken
        ]
      }
    ]
  }
}
{% else %}
@description('The region.')
param location string

@description('The environment that holds the certificate.')
param environmentName string
{% if domain.zone %}

@description('The public address of the ingress.')
param address string

@description('What a TXT record must say, to show that the host name is yours.')
param domainVerificationId string
{% endif %}

@description('Whether the certificate is asked for: once the zone answers.')
param bindDomain bool

{% if domain.zone %}
resource zone 'Microsoft.Network/dnsZones@2018-05-01' = {
  name: '{{ domain.host }}'
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
{% if pair %}
    // Short, so that users follow soon when another environment takes over.
{% endif %}
    TTL: {{ domain.ttl_s }}
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
    TTL: {{ domain.ttl_s }}
    TXTRecords: [
      {
        value: [
          domainVerificationId
        ]
      }
    ]
  }
}

{% endif %}
resource environment 'Microsoft.App/managedEnvironments@2025-07-01' existing = {
  name: environmentName
}

// Issued and renewed by Azure; TLS 1.2 is the least that the ingress takes.
resource certificate 'Microsoft.App/managedEnvironments/managedCertificates@2025-07-01' = if (bindDomain) {
  parent: environment
  name: '{{ names.certificate }}'
  location: location
  tags: tags
  properties: {
    subjectName: '{{ domain.host }}'
    domainControlValidation: 'HTTP'
  }
{% if domain.zone %}
  dependsOn: [
    record
    proof
  ]
{% endif %}
}
{% endif %}
{% if domain.zone %}

@description('The name servers to which the domain above must point.')
output nameServers array = zone.properties.nameServers
{% endif %}
{% if front_door %}

@description('The zone.')
output zoneId string = zone.id
{% endif %}
