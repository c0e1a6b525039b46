// The host name under which users reach the application.

@description('Tags of every resource.')
param tags object

@description('The region.')
param location string

@description('The environment that holds the certificate.')
param environmentName string

@description('Whether the certificate is asked for: once the zone answers.')
param bindDomain bool

resource environment 'Microsoft.App/managedEnvironments@2025-07-01' existing = {
  name: environmentName
}

// Issued and renewed by Azure; TLS 1.2 is the least that the ingress takes.
resource certificate 'Microsoft.App/managedEnvironments/managedCertificates@2025-07-01' = if (bindDomain) {
  parent: environment
  name: 'med-example-com'
  location: location
  tags: tags
  properties: {
    subjectName: 'med.example.com'
    domainControlValidation: 'HTTP'
  }
}
