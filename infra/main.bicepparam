// For azd, which provides AZURE_ENV_NAME and AZURE_LOCATION itself. Set the others once: azd env set NAME VALUE.
using './main.bicep'

param name = take(toLower(replace(readEnvironmentVariable('AZURE_ENV_NAME'), '-', '')), 10)
param location = readEnvironmentVariable('AZURE_LOCATION')
param cloud = readEnvironmentVariable('ARCHIVER_CLOUD', 'Commercial')
param teleMessageBaseUrl = readEnvironmentVariable('TELEMESSAGE_BASE_URL')
param operatorEmail = readEnvironmentVariable('OPERATOR_EMAIL')
param operatorsGroupId = readEnvironmentVariable('OPERATORS_GROUP_ID')
