# The question itself: only what this policy knows how to judge can be allowed.
package symbolon.claims

import data.symbolon.secrets

kinds := {"token"} | secrets.kinds

principals := {"person", "service", "trust"}

# Every condition is positive, so a missing fact makes this undefined and nothing is allowed.
sound if {
	input.intent.kind in kinds
	input.principal.kind in principals
	input.intent.sub == input.principal.id
	count(input.intent.scope) > 0
	input.now == input.intent.iat
}

reasons contains {
	"code": "policy_denied",
	"rule": "symbolon.claims",
	"message": "The policy does not know how to judge this question.",
	"fact": "kind of intent, kind of principal, subject, scope and time must be ones that it knows",
	"remedy": "Compare the versions of the policy bundle and of the software.",
} if {
	not sound
}
