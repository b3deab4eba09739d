#!/bin/sh
# From nothing to what a run cost, with curl alone: sh docs/api-walk.sh http://localhost:8501 ann@example.com
set -eu
API="${1:-http://localhost:8501}/api/v1" EMAIL="${2:-ann@example.com}" PASSWORD="${PASSWORD:-many words in a row}"
MODEL_URL="${MODEL_URL:-http://127.0.0.1:11434/v1}" MODEL="${MODEL:-llama3.2}"

call() { curl -sS --fail-with-body -H "Content-Type: application/json" -H "Authorization: Bearer ${TOKEN:-}" "$@"; }
field() { grep -o "\"$1\": *\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

echo "== register, and log in"
call "$API/auth/register" -d "{\"email\": \"$EMAIL\", \"name\": \"Ann\", \"password\": \"$PASSWORD\"}"
TOKEN=$(call "$API/auth/login" -d "{\"email\": \"$EMAIL\", \"password\": \"$PASSWORD\"}" | field access_token)

printf "\n== add a key\n"
KEY=$(call "$API/api-keys" -d "{\"name\": \"Our model\", \"kind\": \"llm\", \"provider\": \"openai_compatible\",
  \"base_url\": \"$MODEL_URL\", \"secret\": \"${MODEL_SECRET:-none}\",
  \"input_price_micros_per_million\": 2000000, \"output_price_micros_per_million\": 8000000}" | field id)
echo "$KEY"
printf "== create an agent\n"
AGENT=$(call "$API/custom-agents" -d "{\"name\": \"Clerk\", \"department\": \"support\", \"role\": \"Ticket clerk\",
  \"goal\": \"Name the team for a ticket.\", \"api_key_id\": \"$KEY\", \"model\": \"$MODEL\"}" | field id)
echo "$AGENT"
printf "== run it, and follow its events\n"
RUN=$(call "$API/custom-agents/$AGENT/execute" -d '{"input": "I was charged twice."}' | field run_id)
call -N "$API/runs/$RUN/events" -H "Accept: text/event-stream"
printf "== read the result, and what it cost\n"
call "$API/runs/$RUN?wait=30"
call "$API/usage?group_by=model"
