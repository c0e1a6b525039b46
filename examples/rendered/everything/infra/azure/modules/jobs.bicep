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
  name: 'everything-setup'
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
            'migrate'
          ]
          env: variables
          resources: {
            cpu: json('2')
            memory: '4Gi'
          }
        }
      ]
    }
  }
}

resource job_clean 'Microsoft.App/jobs@2025-07-01' = {
  name: 'everything-clean'
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
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        // In UTC.
        cronExpression: '30 2 * * 1-5'
        parallelism: 1
        replicaCompletionCount: 1
      }
      // Seconds after which a run is stopped.
      replicaTimeout: 1200
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
            'clean'
            '--days'
            '30'
          ]
          env: variables
          resources: {
            cpu: json('2')
            memory: '4Gi'
          }
        }
      ]
    }
  }
}

resource job_report 'Microsoft.App/jobs@2025-07-01' = {
  name: 'everything-report'
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
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        // In UTC.
        cronExpression: '0 6 1 * *'
        parallelism: 1
        replicaCompletionCount: 1
      }
      // Seconds after which a run is stopped.
      replicaTimeout: 900
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
            'report'
          ]
          env: variables
          resources: {
            cpu: json('2')
            memory: '4Gi'
          }
        }
      ]
    }
  }
}

@description('The jobs, which alerts watch.')
output ids array = [
  setup.id
  job_clean.id
  job_report.id
]
