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

@description('Whether the host name is bound: once its zone answers.')
param bindDomain bool

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
        targetPort: 8000
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
        // The certificate of the same name is bound by itself once it is there.
        customDomains: bindDomain ? [
          {
            name: 'med.example.com'
            bindingType: 'Auto'
          }
        ] : []
      }
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
      terminationGracePeriodSeconds: 10
      containers: [
        {
          name: 'application'
          image: image
          args: [
            'medassistant'
            'serve'
          ]
          env: variables
          resources: {
            // Memory in GiB is always twice the processors.
            cpu: json('1')
            memory: '2Gi'
          }
          probes: [
            {
              // Until it answers for the first time, the other two do not ask.
              type: 'Startup'
              httpGet: {
                path: '/health'
                port: 8000
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 6
            }
            {
              // A replica that does not answer is started again.
              type: 'Liveness'
              httpGet: {
                path: '/health'
                port: 8000
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 3
            }
            {
              // A replica that cannot serve gets no requests.
              type: 'Readiness'
              httpGet: {
                path: '/ready'
                port: 8000
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 3
            }
          ]
        }
      ]
      scale: {
        minReplicas: 2
        maxReplicas: 10
        // Any rule that wants more replicas gets them (KEDA).
        rules: [
          {
            name: 'requests'
            http: {
              metadata: {
                concurrentRequests: '30'
              }
            }
          }
          {
            name: 'cpu'
            custom: {
              type: 'cpu'
              metadata: {
                type: 'Utilization'
                value: '60'
              }
            }
          }
          {
            name: 'memory'
            custom: {
              type: 'memory'
              metadata: {
                type: 'Utilization'
                value: '75'
              }
            }
          }
        ]
      }
    }
  }
}

@description('The container app.')
output id string = application.id

@description('The host name that Azure gave it.')
output host string = application.properties.configuration.ingress.fqdn
