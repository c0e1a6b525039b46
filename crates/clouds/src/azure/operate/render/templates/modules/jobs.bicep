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

{% for job in jobs %}
resource {{ job.symbol }} 'Microsoft.App/jobs@2025-07-01' = {
  name: '{{ job.name }}'
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
{% if job.schedule %}
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        // In UTC.
        cronExpression: '{{ job.schedule }}'
        parallelism: 1
        replicaCompletionCount: 1
      }
{% else %}
      // Started by the pipeline before a new version serves, and by hand: it prepares the database.
      triggerType: 'Manual'
      manualTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
      }
{% endif %}
      // Seconds after which a run is stopped.
      replicaTimeout: {{ job.timeout_s }}
      replicaRetryLimit: {{ job.retries }}
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
{% for word in job.command %}
            '{{ word }}'
{% endfor %}
          ]
          env: variables
          resources: {
            cpu: json('{{ application.cpu }}')
            memory: '{{ application.memory }}'
          }
        }
      ]
    }
  }
}

{% endfor %}
@description('The jobs, which alerts watch.')
output ids array = [
{% for job in jobs %}
  {{ job.symbol }}.id
{% endfor %}
]
