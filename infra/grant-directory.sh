#!/bin/sh
# Lets the app's identity find users by address: User.Read.All of Microsoft Graph. You can run it again at any time.
# Usage: infra/grant-directory.sh PRINCIPAL_ID [undo]
# Run it as Privileged Role Administrator (or Global Administrator) of the tenant, signed in with az login.
# For DoD set GRAPH_URL=https://dod-graph.microsoft.us: az knows only one Graph for both Government clouds.
set -eu
if [ $# -lt 1 ] || [ $# -gt 2 ] || { [ $# -eq 2 ] && [ "$2" != undo ]; }; then
  echo "Usage: $0 PRINCIPAL_ID [undo]" >&2
  exit 2
fi
principal=$1
graph=${GRAPH_URL:-$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv | tr -d '\r')}
graph=${graph%/}

# Ids published by Microsoft: Graph's own application and its roles.
graph_app=00000003-0000-0000-c000-000000000000
user_read_all=df021288-bdef-4463-88db-98f22de89214
mail_read_write=e2a3a72e-5f79-4c64-b1b1-878b674786c9

rest() {
  az rest --resource "$graph" "$@" --output tsv | tr -d '\r'
}
assignments="$graph/v1.0/servicePrincipals/$principal/appRoleAssignments"
grant_of() {
  rest --method get --url "$assignments" --query "value[?appRoleId=='$1'].id | [0]"
}

granted=$(grant_of "$user_read_all")
if [ "${2:-}" = undo ]; then
  if [ -n "$granted" ]; then
    rest --method delete --url "$assignments/$granted"
  fi
  echo "User.Read.All: not granted"
  exit 0
fi

if [ -z "$granted" ]; then
  resource=$(rest --method get --url "$graph/v1.0/servicePrincipals(appId='$graph_app')" --query id)
  rest --method post --url "$assignments" --headers Content-Type=application/json \
    --body "{\"principalId\":\"$principal\",\"resourceId\":\"$resource\",\"appRoleId\":\"$user_read_all\"}" >/dev/null
fi
echo "User.Read.All: granted"

# Grants add up: with this one, the scope in Exchange would protect no mailbox.
if [ -n "$(grant_of "$mail_read_write")" ]; then
  echo "Mail.ReadWrite is granted in Entra as well: the app reaches every mailbox. See docs/permissions.md." >&2
  exit 1
fi
