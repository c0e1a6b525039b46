// What runs by the clock or by hand, with the image, variables and secrets of the application.

@description('The region.')
param location string

@description('Tags of every resource.')
param tags object

@description('The environment that they run in.')
param environmentId string

@description('The identity that pulls the image and reads secrets.')
param identityId string

@description('The registry whose images need that identity.')
param registryServer string

@description('The image.')
param image string

@description('Their environment variables.')
param variables array

@description('Their secrets, each an address in the vault.')
param secrets array

resource setup 'Microsoft.App/jobs@2025-07-01' = {
  name: 'medassistant-setup'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      // Started by the pipeline before a new version serves, and by hand: it prepares the database.
      triggerType: 'Manual'
      manualTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
      }
      // Seconds after which a run is stopped.
      replicaTimeout: 1800
      replicaRetryLimit: 0
      registries: [
        {
          server: registryServer
          identity: identityId
        }
      ]
      secrets: secrets
    }
    template: {
      containers: [
        {
          name: 'job'
          image: image
          args: [
            'medassistant'
            'migrate'
          ]
          env: variables
          resources: {
            cpu: json('1')
            memory: '2Gi'
          }
        }
      ]
    }
  }
}

@description('The jobs, which alerts watch.')
output ids array = [
  setup.id
]
