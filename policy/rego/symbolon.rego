# The decision. Input is built by code: `{now, intent, principal, evidence, approvals, asserted, deployment}`. What no rule
# allows is denied, and a deny beats every allow. Every denial names the rule, the fact and what would change it, because a
# compiled policy gives no trace.
package symbolon

import data.symbolon.approvals
import data.symbolon.audience
import data.symbolon.claims
import data.symbolon.deny
import data.symbolon.scope
import data.symbolon.secrets
import data.symbolon.ttl

nothing := {"allow": false, "scope": [], "max_ttl": 0, "approvals": [], "touch": false, "obligations": []}

default decision := {
	"allow": false,
	"scope": [],
	"max_ttl": 0,
	"approvals": [],
	"touch": false,
	"obligations": [],
	"reasons": [{
		"code": "policy_denied",
		"rule": "symbolon.decision",
		"message": "No rule allows this.",
		"remedy": "Compare the versions of the policy bundle and of the software.",
	}],
}

decision := {
	"allow": true,
	"scope": input.intent.scope,
	"max_ttl": ttl.maximum,
	"approvals": approvals.required,
	"touch": touch,
	"obligations": [],
	"reasons": [reason | some reason in (scope.grants | secrets.grants)],
} if {
	allow
} else := object.union(nothing, {"reasons": [reason | some reason in refusals]}) if {
	count(refusals) > 0
}

allow if {
	deny.clear
	claims.sound
	audience.allowed
	scope.allowed
	secrets.allowed
	ttl.allowed
}

default touch := false

touch if approvals.touch

touch if secrets.touch

refusals := ((((deny.reasons | claims.reasons) | audience.reasons) | scope.reasons) | secrets.reasons) | ttl.reasons

# Of the rows of a listing, those that may be shown: the same rules, asked about many paths at once.
default listable := []

listable := secrets.shown if {
	deny.names_clear
	claims.sound
	audience.allowed
	scope.allowed
	input.intent.kind == "secret.list"
}
