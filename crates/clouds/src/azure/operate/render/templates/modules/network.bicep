// The virtual network: one subnet for what runs, one for the database, one for private endpoints.
// Nothing but the ingress is reachable from the internet.

@description('The region.')
param location string

@description('The name of the network.')
param name string

@description('Tags of every resource.')
param tags object

{% if vpn %}
@description('The addresses of the peer that may reach the database.')
param peerAddressPrefixes array

{% endif %}
// They do not overlap with those of the other environment of a pair.
var addressPrefix = '{{ addresses }}'
// 512 addresses: ten replicas take one, and a new revision runs beside the old one.
var applicationsPrefix = '{{ subnets.applications }}'
{% if database %}
var databasePrefix = '{{ subnets.database }}'
{% endif %}
{% if endpoints %}
var endpointsPrefix = '{{ subnets.endpoints }}'
{% endif %}
{% if vpn %}
var gatewayPrefix = '{{ subnets.gateway }}'
{% endif %}

resource applicationsGroup 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${name}-applications'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'AllowWeb'
        properties: {
{% if front_door %}
          // Requests come through Front Door only, so nobody passes by its firewall.
          description: 'Requests through Front Door'
{% else %}
          // Port 80 is there for the redirect to HTTPS.
          description: 'Requests of users'
{% endif %}
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
{% if front_door %}
          sourceAddressPrefix: 'AzureFrontDoor.Backend'
{% else %}
          sourceAddressPrefix: 'Internet'
{% endif %}
          sourcePortRange: '*'
          destinationAddressPrefix: applicationsPrefix
          destinationPortRanges: [
{% if not front_door %}
            '80'
{% endif %}
            '443'
{% if not front_door %}
            '31080'
{% endif %}
            '31443'
          ]
        }
      }
    ]
  }
}

{% if database %}
resource databaseGroup 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${name}-database'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'AllowApplications'
        properties: {
          description: 'The application asks its database'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: applicationsPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: databasePrefix
          destinationPortRange: '5432'
        }
      }
      {
        name: 'AllowStandby'
        properties: {
          description: 'The server and its standby in another zone'
          priority: 110
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: databasePrefix
          sourcePortRange: '*'
          destinationAddressPrefix: databasePrefix
          destinationPortRange: '5432'
        }
      }
{% if vpn %}
      {
        name: 'AllowPeer'
        properties: {
          description: 'Logical replication with the other environment, through the VPN'
          priority: 120
          direction: 'Inbound'
          access: empty(peerAddressPrefixes) ? 'Deny' : 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefixes: empty(peerAddressPrefixes) ? [
            addressPrefix
          ] : peerAddressPrefixes
          sourcePortRange: '*'
          destinationAddressPrefix: databasePrefix
          destinationPortRange: '5432'
        }
      }
{% endif %}
      {
        // Without it everything in the network may reach everything else.
        name: 'DenyRest'
        properties: {
          description: 'Nobody else'
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

{% endif %}
{% if endpoints %}
resource endpointsGroup 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${name}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'AllowApplications'
        properties: {
          description: 'The application asks the services that it was given'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: applicationsPrefix
          sourcePortRange: '*'
          destinationAddressPrefix: endpointsPrefix
          destinationPortRanges: [
            '443'
{% if cache %}
            '10000'
{% endif %}
          ]
        }
      }
      {
        name: 'DenyRest'
        properties: {
          description: 'Nobody else'
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

{% endif %}
resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    // Subnets stand here and not as resources of their own: otherwise each deployment would take
    // them away and put them back.
    subnets: [
      {
        name: 'applications'
        properties: {
          addressPrefix: applicationsPrefix
          delegations: [
            {
              name: 'environments'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
          networkSecurityGroup: {
            id: applicationsGroup.id
          }
        }
      }
{% if database %}
      {
        name: 'database'
        properties: {
          addressPrefix: databasePrefix
          // The server lives in this subnet: it has no public address at all.
          delegations: [
            {
              name: 'servers'
              properties: {
                serviceName: 'Microsoft.DBforPostgreSQL/flexibleServers'
              }
            }
          ]
          networkSecurityGroup: {
            id: databaseGroup.id
          }
        }
      }
{% endif %}
{% if endpoints %}
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointsPrefix
          defaultOutboundAccess: false
          // Without it the security group has no say over private endpoints.
          privateEndpointNetworkPolicies: 'NetworkSecurityGroupEnabled'
          networkSecurityGroup: {
            id: endpointsGroup.id
          }
        }
      }
{% endif %}
{% if vpn %}
      {
        // Azure wants this name for the subnet of a gateway, and no security group on it.
        name: 'GatewaySubnet'
        properties: {
          addressPrefix: gatewayPrefix
        }
      }
{% endif %}
    ]
  }
}

@description('The network.')
output id string = network.id

@description('The subnet of the Container Apps environment.')
output applicationsSubnetId string = '${network.id}/subnets/applications'
{% if database %}

@description('The subnet of the database server.')
output databaseSubnetId string = '${network.id}/subnets/database'
{% endif %}
{% if endpoints %}

@description('The subnet of private endpoints.')
output endpointsSubnetId string = '${network.id}/subnets/endpoints'
{% endif %}
{% if vpn %}

@description('The subnet of the VPN gateway.')
output gatewaySubnetId string = '${network.id}/subnets/GatewaySubnet'
{% endif %}
