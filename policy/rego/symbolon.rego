# The decision. Input is built by code: `{now, intent, principal, evidence, approvals, asserted, deployment}`. What no rule
# allows is denied, and a deny beats every allow. Every denial names the rule, the fact and what would change it, because a
# compiled policy gives no trace.
package symbolon

import data.symbolon.approvals
import data.symbolon.audience
import data.symbolon.claims
import data.symbolon.deny
import data.symbolon.scope
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
	"touch": approvals.touch,
	"obligations": [],
	"reasons": [reason | some reason in scope.grants],
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
	ttl.allowed
}

refusals := (((deny.reasons | claims.reasons) | audience.reasons) | scope.reasons) | ttl.reasons
