// The virtual network: one subnet for what runs, one for the database, one for private endpoints.
// Nothing but the ingress is reachable from the internet.

@description('The region.')
param location string

@description('The name of the network.')
param name string

@description('Tags of every resource.')
param tags object

// They do not overlap with those of the other environment of a pair.
var addressPrefix = '10.10.0.0/16'
// 512 addresses: ten replicas take one, and a new revision runs beside the old one.
var applicationsPrefix = '10.10.0.0/23'
var databasePrefix = '10.10.2.0/27'
var endpointsPrefix = '10.10.2.64/26'

resource applicationsGroup 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${name}-applications'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'AllowWeb'
        properties: {
          // Port 80 is there for the redirect to HTTPS.
          description: 'Requests of users'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: applicationsPrefix
          destinationPortRanges: [
            '80'
            '443'
            '31080'
            '31443'
          ]
        }
      }
    ]
  }
}

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
    ]
  }
}

@description('The network.')
output id string = network.id

@description('The subnet of the Container Apps environment.')
output applicationsSubnetId string = '${network.id}/subnets/applications'

@description('The subnet of the database server.')
output databaseSubnetId string = '${network.id}/subnets/database'

@description('The subnet of private endpoints.')
output endpointsSubnetId string = '${network.id}/subnets/endpoints'
