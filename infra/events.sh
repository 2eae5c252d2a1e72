#!/bin/sh
# Second step of a deployment, after publishing: subscribes the app to manifests. You can run it again at any time.
# Usage: infra/events.sh RESOURCE_GROUP FUNCTION_APP EVIDENCE_ACCOUNT
set -eu
if [ $# -ne 3 ]; then
  echo "Usage: $0 RESOURCE_GROUP FUNCTION_APP EVIDENCE_ACCOUNT" >&2
  exit 2
fi
group=$1 app=$2 account=$3
here=$(dirname "$0")

# A wrong setting or an incomplete package leaves a running app without functions, and no error anywhere.
expected='fetchBatch backfillWindow splitBatch importItem quarantineItem redriveItem operatorRequest reconcile preflight'

missing() {
  found=$(az functionapp function list --resource-group "$group" --name "$app" --query '[].name' --output tsv |
    tr -d '\r' | sed 's|.*/||') || found=''
  for name in $expected; do
    echo "$found" | grep -qx "$name" || printf ' %s' "$name"
  done
}

# The key appears some seconds after the first start. The loop below waits five minutes for it by default.
key() {
  az functionapp keys list --resource-group "$group" --name "$app" --query systemKeys.blobs_extension --output tsv \
    2>/dev/null | tr -d '\r'
}

tries=${TRIES:-30}
while [ -n "$(missing)" ] || [ -z "$(key)" ]; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    lacking=$(missing)
    echo "The app is not ready. Functions that are missing:${lacking:- none}." >&2
    echo "Look for 'The app cannot start' in the log stream (docs/operations.md, silent), then run this again." >&2
    exit 1
  fi
  sleep "${SECONDS_BETWEEN:-10}"
done
echo "All functions are there: $expected"

az deployment group create --resource-group "$group" --name events --template-file "$here/events.bicep" \
  --parameters functionAppName="$app" evidenceAccountName="$account" \
  --query "join(' ', ['Event subscription manifest-written:', properties.provisioningState])" --output tsv
