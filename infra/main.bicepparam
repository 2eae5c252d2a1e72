// For azd, which asks for these once and keeps them: azd env set NAME VALUE.
using './main.bicep'

param name = take(toLower(replace(readEnvironmentVariable('AZURE_ENV_NAME'), '-', '')), 10)
param location = readEnvironmentVariable('AZURE_LOCATION')
param cloud = readEnvironmentVariable('ARCHIVER_CLOUD', 'Commercial')
param teleMessageBaseUrl = readEnvironmentVariable('TELEMESSAGE_BASE_URL')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
param operatorsGroupId = readEnvironmentVariable('OPERATORS_GROUP_ID')
