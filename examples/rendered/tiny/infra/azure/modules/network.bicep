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
    ]
  }
}

@description('The network.')
output id string = network.id

@description('The subnet of the Container Apps environment.')
output applicationsSubnetId string = '${network.id}/subnets/applications'
