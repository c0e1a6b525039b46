// Front Door: {% if cdn and firewall %}the content delivery network and the firewall for web requests{% elif cdn %}the content delivery network{% else %}the firewall for web requests{% endif %}.

@description('The name that the resources begin with.')
param name string

@description('The name of the address, unique in all of Azure.')
param endpointName string

@description('Tags of every resource.')
param tags object

@description('The workspace that logs go to.')
param workspaceId string

@description('The host name that Azure gave the application.')
param originHost string

resource profile 'Microsoft.Cdn/profiles@2025-06-01' = {
  name: name
  location: 'global'
  tags: tags
  sku: {
{% if firewall %}
    // The rules that Microsoft keeps come with Premium.
    name: 'Premium_AzureFrontDoor'
{% else %}
    name: 'Standard_AzureFrontDoor'
{% endif %}
  }
  properties: {
    originResponseTimeoutSeconds: 60
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2025-06-01' = {
  parent: profile
  name: endpointName
  location: 'global'
  tags: tags
  properties: {
    enabledState: 'Enabled'
  }
}

resource origins 'Microsoft.Cdn/profiles/originGroups@2025-06-01' = {
  parent: profile
  name: 'application'
  properties: {
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 3
      additionalLatencyInMilliseconds: 50
    }
    healthProbeSettings: {
      probePath: '{{ application.health.ready }}'
      probeProtocol: 'Https'
      probeRequestType: 'GET'
      probeIntervalInSeconds: 30
    }
    sessionAffinityState: 'Disabled'
  }
}

resource origin 'Microsoft.Cdn/profiles/originGroups/origins@2025-06-01' = {
  parent: origins
  name: 'application'
  properties: {
    hostName: originHost
    originHostHeader: originHost
    httpsPort: 443
    priority: 1
    weight: 1000
    enforceCertificateNameCheck: true
  }
}

{% if domain %}
resource domain 'Microsoft.Cdn/profiles/customDomains@2025-06-01' = {
  parent: profile
  name: '{{ names.certificate }}'
  properties: {
    hostName: '{{ domain.host }}'
    tlsSettings: {
      certificateType: 'ManagedCertificate'
      minimumTlsVersion: 'TLS12'
      cipherSuiteSetType: 'TLS12_2023'
    }
  }
}

{% endif %}
resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-06-01' = {
  parent: endpoint
  name: 'all'
  properties: {
    originGroup: {
      id: origins.id
    }
{% if domain %}
    customDomains: [
      {
        id: domain.id
      }
    ]
{% endif %}
    patternsToMatch: [
      '/*'
    ]
    supportedProtocols: [
      'Http'
      'Https'
    ]
    httpsRedirect: 'Enabled'
    forwardingProtocol: 'HttpsOnly'
    linkToDefaultDomain: 'Enabled'
{% if cdn %}
    // What is kept, and for how long, is what the application's Cache-Control says.
    cacheConfiguration: {
      queryStringCachingBehavior: 'UseQueryString'
      compressionSettings: {
        isCompressionEnabled: true
        contentTypesToCompress: [
          'application/javascript'
          'application/json'
          'image/svg+xml'
          'text/css'
          'text/html'
          'text/plain'
        ]
      }
    }
{% endif %}
  }
  dependsOn: [
    origin
  ]
}

{% if firewall %}
resource policy 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies@2025-03-01' = {
  // Letters and digits only.
  name: '{{ names.policy }}'
  location: 'global'
  tags: tags
  sku: {
    name: 'Premium_AzureFrontDoor'
  }
  properties: {
    policySettings: {
      enabledState: 'Enabled'
      mode: 'Prevention'
      requestBodyCheck: 'Enabled'
    }
    customRules: {
      rules: [
        {
          name: 'TooManyRequests'
          enabledState: 'Enabled'
          priority: 100
          ruleType: 'RateLimitRule'
          // From one address in a minute.
          rateLimitDurationInMinutes: 1
          rateLimitThreshold: 1000
          action: 'Block'
          groupBy: [
            {
              variableName: 'SocketAddr'
            }
          ]
          matchConditions: [
            {
              matchVariable: 'RequestUri'
              operator: 'Any'
              matchValue: []
            }
          ]
        }
      ]
    }
    managedRules: {
      managedRuleSets: [
        {
          ruleSetType: 'Microsoft_DefaultRuleSet'
          ruleSetVersion: '2.1'
          ruleSetAction: 'Block'
        }
        {
          ruleSetType: 'Microsoft_BotManagerRuleSet'
          ruleSetVersion: '1.1'
        }
      ]
    }
  }
}

resource protection 'Microsoft.Cdn/profiles/securityPolicies@2025-06-01' = {
  parent: profile
  name: 'firewall'
  properties: {
    parameters: {
      type: 'WebApplicationFirewall'
      wafPolicy: {
        id: policy.id
      }
      associations: [
        {
          domains: [
            {
              id: endpoint.id
            }
{% if domain %}
            {
              id: domain.id
            }
{% endif %}
          ]
          patternsToMatch: [
            '/*'
          ]
        }
      ]
    }
  }
}

{% endif %}
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: profile
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

@description('Front Door, which alerts watch.')
output id string = profile.id

@description('The address of Front Door.')
output host string = endpoint.properties.hostName
{% if domain %}

@description('The address of Front Door, for an alias record.')
output endpointId string = endpoint.id

@description('What a TXT record must say, to show that the host name is yours.')
output validationToken string = domain.properties.validationProperties.validationToken
{% endif %}
