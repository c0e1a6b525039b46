// This half of the private path between the databases of the two environments. The other half is
// in `infra/{{ vpn.other_folder }}/`; each needs the public addresses of the other.

@description('The region.')
param location string

@description('The name that the resources begin with.')
param name string

@description('Tags of every resource.')
param tags object

@description('The subnet of the gateway.')
param gatewaySubnetId string

@description('The two public addresses of the other half; empty until it is there.')
param peerAddresses array

@description('The keys of the two tunnels, which both halves know and nobody else: `first` and `second`.')
@secure()
param sharedKeys object

var ends = [
  'first'
  'second'
]

var zones = [
  '1'
  '2'
  '3'
]

// One address for each of the two instances of the gateway.
resource addresses 'Microsoft.Network/publicIPAddresses@2025-05-01' = [for index in range(0, 2): {
  name: '${name}-vpn-${index}'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
    tier: 'Regional'
  }
  zones: zones
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
  }
}]

resource gateway 'Microsoft.Network/virtualNetworkGateways@2025-05-01' = {
  name: '${name}-vpn'
  location: location
  tags: tags
  properties: {
    gatewayType: 'Vpn'
    vpnType: 'RouteBased'
    vpnGatewayGeneration: 'Generation1'
    sku: {
      name: 'VpnGw1AZ'
      tier: 'VpnGw1AZ'
    }
    // Both instances carry traffic, so that the loss of one cuts nothing.
    activeActive: true
    enableBgp: true
    bgpSettings: {
      asn: {{ vpn.router }}
      bgpPeeringAddresses: [for index in range(0, 2): {
        ipconfigurationId: resourceId('Microsoft.Network/virtualNetworkGateways/ipConfigurations', '${name}-vpn', 'instance-${index}')
        customBgpIpAddresses: [
          // Inside of the tunnel: this side is .2, the other .1.
          '169.254.${21 + index}.2'
        ]
      }]
    }
    ipConfigurations: [for index in range(0, 2): {
      name: 'instance-${index}'
      properties: {
        privateIPAllocationMethod: 'Dynamic'
        subnet: {
          id: gatewaySubnetId
        }
        publicIPAddress: {
          id: addresses[index].id
        }
      }
    }]
  }
}

resource peers 'Microsoft.Network/localNetworkGateways@2025-05-01' = [for (address, index) in peerAddresses: {
  name: '${name}-peer-${index}'
  location: location
  tags: tags
  properties: {
    gatewayIpAddress: address
    bgpSettings: {
      asn: {{ vpn.other_router }}
      bgpPeeringAddress: '169.254.${21 + index}.1'
    }
  }
}]

resource connections 'Microsoft.Network/connections@2025-05-01' = [for (address, index) in peerAddresses: {
  name: '${name}-peer-${index}'
  location: location
  tags: tags
  properties: {
    connectionType: 'IPsec'
    connectionProtocol: 'IKEv2'
    enableBgp: true
    virtualNetworkGateway1: {
      id: gateway.id
      properties: {}
    }
    localNetworkGateway2: {
      id: peers[index].id
      properties: {}
    }
    sharedKey: sharedKeys[ends[index]]
    // Nothing weaker is agreed on.
    ipsecPolicies: [
      {
        ikeEncryption: 'AES256'
        ikeIntegrity: 'SHA256'
        dhGroup: 'DHGroup14'
        ipsecEncryption: 'GCMAES256'
        ipsecIntegrity: 'GCMAES256'
        pfsGroup: 'PFS2048'
        saLifeTimeSeconds: 3600
        saDataSizeKilobytes: 102400000
      }
    ]
    gatewayCustomBgpIpAddresses: [for instance in range(0, 2): {
      ipConfigurationId: '${gateway.id}/ipConfigurations/instance-${instance}'
      customBgpIpAddress: '169.254.${21 + instance}.2'
    }]
  }
}]

@description('The two public addresses of this half, for the other.')
output addresses array = [for index in range(0, 2): addresses[index].properties.ipAddress]
