// Where logs go, and who is told.

@description('The region.')
param location string

@description('The name that the resources begin with.')
param name string

@description('Tags of every resource.')
param tags object

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    // 31 days cost nothing; the profile asks for {{ log_days }}.
    retentionInDays: {{ log_days }}
    features: {
      // Whoever may read a resource may read its logs, and nobody writes with a shared key.
      enableLogAccessUsingOnlyResourcePermissions: true
      disableLocalAuth: true
    }
  }
}

{% if insights %}
resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    RetentionInDays: {{ log_days }}
    // Addresses of users are not kept.
    DisableIpMasking: false
  }
}

{% endif %}
resource receivers 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-receivers'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: '{{ names.short }}'
{% if receivers.mails %}
    emailReceivers: [
{% for one in receivers.mails %}
      {
        name: '{{ one.name }}'
        emailAddress: '{{ one.to }}'
        useCommonAlertSchema: true
      }
{% endfor %}
    ]
{% endif %}
{% if receivers.webhooks %}
    webhookReceivers: [
{% for one in receivers.webhooks %}
      {
        name: '{{ one.name }}'
        serviceUri: '{{ one.to }}'
        useCommonAlertSchema: true
      }
{% endfor %}
    ]
{% endif %}
{% if not receivers.mails and not receivers.webhooks %}
    // The specification names nobody: those who own the subscription are told.
    armRoleReceivers: [
      {
        name: 'Owner'
        roleId: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'
        useCommonAlertSchema: true
      }
    ]
{% endif %}
  }
}

@description('The workspace that logs go to.')
output workspaceId string = workspace.id

@description('Who is told.')
output receiversId string = receivers.id
{% if insights %}

@description('Application Insights, where the application sends its traces and metrics; it only allows writing.')
output insightsConnectionString string = insights.properties.ConnectionString

{% if alerts.queries %}
@description('Application Insights, which alerts ask.')
output insightsId string = insights.id
{% endif %}
{% endif %}
