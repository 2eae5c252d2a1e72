// Logs, alerts to the operator and the workbook.

@description('Name of the installation.')
param name string
@description('Suffix that makes names unique.')
param suffix string
@description('Region.')
param location string
@description('E-mail address for alerts.')
param operatorEmail string
@description('Object id of the operators\' group.')
param operatorsGroupId string
@description('Object id of the app\'s identity.')
param appPrincipalId string

// Published ids of built-in roles.
var roles = {
  logAnalyticsReader: '73c42c96-874c-492b-b04d-ab87d138a893'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

// The app writes each event as one line of JSON to its console, with the event's name in the field signal. The host
// passes the line on as a trace.
var eventQuery = '''
AppTraces
| where Message startswith '{"signal":"EVENT"'
| extend fields = parse_json(Message)
| extend connector = coalesce(tostring(fields.connector), 'all'), note = tostring(fields.message)
'''

// One row per event that needs a person. `lasting`: the app repeats the event while the condition lasts, so the alert
// resolves by itself; the other events are mailed once. A test compares the names with shared/events.ts.
var eventRules = [
  { event: 'windowLate', severity: 1, window: 'PT1H', above: 0, lasting: true, text: 'A day was not fetched in time.' }
  { event: 'windowEmpty', severity: 2, window: 'PT1H', above: 0, lasting: false, text: 'A day came without a single item.' }
  { event: 'unbalanced', severity: 1, window: 'PT1H', above: 0, lasting: true, text: 'The sums of a batch do not balance.' }
  { event: 'batchBlocked', severity: 2, window: 'PT2H', above: 0, lasting: true, text: 'A batch cannot be reconciled.' }
  { event: 'doubtRemains', severity: 3, window: 'PT2H', above: 0, lasting: true, text: 'A mailbox cannot be searched for second copies.' }
  { event: 'quarantineGrew', severity: 2, window: 'PT1H', above: 0, lasting: false, text: 'Items need a person before they can be archived.' }
  { event: 'backlogOld', severity: 2, window: 'PT2H', above: 0, lasting: true, text: 'Items wait far longer than an import takes.' }
  { event: 'credentialsRejected', severity: 0, window: 'PT2H', above: 0, lasting: true, text: 'TeleMessage or Microsoft 365 refuses the app. Nothing is archived.' }
  { event: 'mappingMissing', severity: 1, window: 'PT2H', above: 0, lasting: true, text: 'Custom mapping is on and no mapping file is stored. Items wait.' }
  { event: 'mappingRefused', severity: 1, window: 'PT2H', above: 0, lasting: false, text: 'A stored mapping file is faulty. The last good one stays in force.' }
  { event: 'preflightTest', severity: 4, window: 'PT1H', above: 0, lasting: false, text: 'A preflight tests whether alerts arrive. Nothing is wrong.' }
  // A busy mailbox normally has some put-offs. Thousands in an hour mean that a day's items may take more than a day.
  { event: 'throttled', severity: 3, window: 'PT1H', above: 5000, lasting: true, text: 'Exchange Online throttles so much that a day may not be finished within a day.' }
]

// What the app cannot report itself.
var watchRules = [
  {
    name: 'silent'
    severity: 1
    frequency: 'PT1H'
    window: 'P2D'
    operator: 'LessThan'
    threshold: 1
    text: 'No day was fetched for 30 hours: the app may not run at all.'
    query: '''
AppTraces
| where TimeGenerated > ago(30h)
| where Message startswith '{"signal":"windowFetched"' or Message startswith '{"signal":"windowEmpty"'
'''
  }
  {
    name: 'failing'
    severity: 1
    frequency: 'PT15M'
    window: 'PT2H'
    operator: 'GreaterThan'
    threshold: 2
    text: 'A function that the archive depends on fails again and again.'
    query: '''
AppRequests
| where Success == false
| where OperationName in ('fetchBatch', 'backfillWindow', 'splitBatch', 'quarantineItem', 'redriveItem', 'operatorRequest', 'reconcile')
'''
  }
  {
    // Not import-item-poison: a function quarantines its items and emits an event.
    name: 'poisoned'
    severity: 2
    frequency: 'PT15M'
    window: 'PT1H'
    operator: 'GreaterThan'
    threshold: 0
    text: 'A message was moved to a poison queue that no function reads.'
    query: '''
AppTraces
| where Message startswith 'Message has reached MaxDequeueCount'
| where Message !has "'import-item-poison'"
'''
  }
]

// Events, host logs and audit logs in one place that operators can query.
resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${name}-${suffix}'
  location: location
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 90
    features: { disableLocalAuth: true }
  }
}

// Receives the host's telemetry. Local authentication is off, so nobody can write with a leaked connection string.
resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}-${suffix}'
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

// The app may write telemetry, but not read it.
resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, appPrincipalId, roles.monitoringMetricsPublisher)
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
  }
}

// Operators run the queries of docs/operations.md.
resource operatorAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, operatorsGroupId, roles.logAnalyticsReader)
  properties: {
    principalId: operatorsGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.logAnalyticsReader)
  }
}

// Who gets the alerts.
resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}-${suffix}'
  location: 'global'
  properties: {
    groupShortName: take('arch-${name}', 12)
    enabled: true
    emailReceivers: [{ name: 'operator', emailAddress: operatorEmail, useCommonAlertSchema: true }]
  }
}

// One mail per connector and event that needs a person.
resource eventAlerts 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [
  for rule in eventRules: {
    name: 'alert-${rule.event}-${suffix}'
    location: location
    kind: 'LogAlert'
    properties: {
      displayName: 'Archiver: ${rule.event}'
      description: '${rule.text} What to do: docs/operations.md, ${rule.event}.'
      severity: rule.severity
      enabled: true
      scopes: [workspace.id]
      evaluationFrequency: 'PT15M'
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: replace(eventQuery, 'EVENT', rule.event)
            timeAggregation: 'Count'
            dimensions: [{ name: 'connector', operator: 'Include', values: ['*'] }]
            operator: 'GreaterThan'
            threshold: rule.above
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: rule.lasting
      // Every evaluation within the window sees the event again; a second mail would say nothing new.
      muteActionsDuration: rule.lasting ? null : rule.window
      actions: { actionGroups: [operators.id] }
    }
  }
]

// A mail when the app is silent, fails or loses a message, and cannot say so itself.
resource watchAlerts 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [
  for rule in watchRules: {
    name: 'alert-${rule.name}-${suffix}'
    location: location
    kind: 'LogAlert'
    properties: {
      displayName: 'Archiver: ${rule.name}'
      description: '${rule.text} What to do: docs/operations.md, ${rule.name}.'
      severity: rule.severity
      enabled: true
      scopes: [workspace.id]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: true
      actions: { actionGroups: [operators.id] }
    }
  }
]

// The morning's overview: what came in, what failed and why, what waits, and how long it took.
resource workbook 'Microsoft.Insights/workbooks@2022-04-01' = {
  name: guid(resourceGroup().id, 'archiver-workbook')
  location: location
  kind: 'shared'
  properties: {
    displayName: 'Archiver ${name}'
    category: 'workbook'
    sourceId: workspace.id
    serializedData: replace(loadTextContent('workbook.json'), '{workspaceId}', workspace.id)
  }
}

output workspaceId string = workspace.id
output insightsConnectionString string = insights.properties.ConnectionString
