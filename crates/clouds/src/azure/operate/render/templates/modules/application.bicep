// The application.

@description('The region.')
param location string

@description('The name of the container app.')
param name string

@description('Tags of every resource.')
param tags object

@description('The environment that it runs in.')
param environmentId string

@description('The identity that pulls the image and reads secrets.')
param identityId string

@description('The registry whose images need that identity.')
param registryServer string

@description('The image.')
param image string

@description('Its environment variables.')
param variables array

@description('Its secrets, each an address in the vault.')
param secrets array

@description('The revision that goes on serving while a new one is tried; empty when there is none.')
param stableRevision string

@description('Percent of the requests that the newest revision gets, beside a stable one.')
@minValue(0)
@maxValue(100)
param newestWeight int
{% if domain and not front_door %}

@description('Whether the host name is bound: once its zone answers.')
param bindDomain bool
{% endif %}

resource application 'Microsoft.App/containerApps@2025-07-01' = {
  name: name
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
      // With one revision, the old one serves until the new one is ready, and goes on serving when
      // it never is. With a stable revision named, both serve, by weight.
      activeRevisionsMode: empty(stableRevision) ? 'Single' : 'Multiple'
      maxInactiveRevisions: 10
      ingress: {
        external: true
        targetPort: {{ application.port }}
        transport: 'auto'
        // HTTP is redirected to HTTPS.
        allowInsecure: false
        traffic: empty(stableRevision) ? [
          {
            latestRevision: true
            weight: 100
          }
        ] : [
          {
            revisionName: stableRevision
            label: 'stable'
            weight: 100 - newestWeight
          }
          {
            latestRevision: true
            label: 'newest'
            weight: newestWeight
          }
        ]
{% if domain and not front_door %}
        // The certificate of the same name is bound by itself once it is there.
        customDomains: bindDomain ? [
          {
            name: '{{ domain.host }}'
            bindingType: 'Auto'
          }
        ] : []
{% endif %}
      }
{% if application.dapr %}
      dapr: {
        enabled: true
        appId: '{{ names.dapr }}'
        appProtocol: 'http'
        appPort: {{ application.port }}
        enableApiLogging: false
      }
{% endif %}
      registries: [
        {
          server: registryServer
          identity: identityId
        }
      ]
      secrets: secrets
    }
    template: {
      // How long requests in flight may take to end when a replica is stopped, in seconds.
      terminationGracePeriodSeconds: {{ application.drain_s }}
      containers: [
        {
          name: 'application'
          image: image
{% if application.command %}
          args: [
{% for word in application.command %}
            '{{ word }}'
{% endfor %}
          ]
{% endif %}
          env: variables
          resources: {
            // Memory in GiB is always twice the processors.
            cpu: json('{{ application.cpu }}')
            memory: '{{ application.memory }}'
          }
          probes: [
            {
              // Until it answers for the first time, the other two do not ask.
              type: 'Startup'
              httpGet: {
                path: '{{ application.health.path }}'
                port: {{ application.port }}
              }
              periodSeconds: {{ application.health.startup_period_s }}
              timeoutSeconds: {{ application.health.timeout_s }}
              failureThreshold: {{ application.health.startup_failures }}
            }
            {
              // A replica that does not answer is started again.
              type: 'Liveness'
              httpGet: {
                path: '{{ application.health.path }}'
                port: {{ application.port }}
              }
              periodSeconds: {{ application.health.interval_s }}
              timeoutSeconds: {{ application.health.timeout_s }}
              failureThreshold: {{ application.health.failures }}
            }
            {
              // A replica that cannot serve gets no requests.
              type: 'Readiness'
              httpGet: {
                path: '{{ application.health.ready }}'
                port: {{ application.port }}
              }
              periodSeconds: {{ application.health.interval_s }}
              timeoutSeconds: {{ application.health.timeout_s }}
              failureThreshold: {{ application.health.failures }}
            }
          ]
        }
      ]
      scale: {
        minReplicas: {{ application.min }}
        maxReplicas: {{ application.max }}
        // Any rule that wants more replicas gets them (KEDA).
        rules: [
          {
            name: 'requests'
            http: {
              metadata: {
                concurrentRequests: '{{ application.concurrency }}'
              }
            }
          }
{% if application.min > 0 %}
          {
            name: 'cpu'
            custom: {
              type: 'cpu'
              metadata: {
                type: 'Utilization'
                value: '{{ application.cpu_percent }}'
              }
            }
          }
          {
            name: 'memory'
            custom: {
              type: 'memory'
              metadata: {
                type: 'Utilization'
                value: '{{ application.memory_percent }}'
              }
            }
          }
{% endif %}
        ]
      }
    }
  }
}

@description('The container app.')
output id string = application.id

@description('The host name that Azure gave it.')
output host string = application.properties.configuration.ingress.fqdn
