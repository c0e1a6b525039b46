// The Container Apps environment: where the application and its jobs run.

@description('The region.')
param location string

@description('The name of the environment.')
param name string

@description('Tags of every resource.')
param tags object

@description('The workspace that logs go to.')
param workspaceId string

@description('The subnet that it fills.')
param subnetId string

@description('Where Dapr sends its traces.')
param insightsConnectionString string

resource environment 'Microsoft.App/managedEnvironments@2025-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    // Logs go through the diagnostic setting below, which needs no key of the workspace.
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    daprAIConnectionString: insightsConnectionString
    vnetConfiguration: {
      infrastructureSubnetId: subnetId
      internal: false
    }
    // Replicas are spread over the zones of the region. It can be asked for only at the start.
    zoneRedundant: true
    // Between the ingress and the replicas nothing travels in the clear.
    peerTrafficConfiguration: {
      encryption: {
        enabled: true
      }
    }
    // Paid by second and replica.
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: environment
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

@description('The environment.')
output id string = environment.id
