# The audience must be in the roster's list. Roles may narrow it further, see symbolon.roles.
package symbolon.audience

import data.symbolon.text

allowed if input.intent.aud in input.deployment.audiences

reasons contains {
	"code": "audience_not_allowed",
	"rule": "symbolon.audience",
	"message": "The roster does not list this audience.",
	"fact": text.sentence(["asked for ", input.intent.aud]),
	"remedy": text.sentence(["Ask for one of: ", text.list(input.deployment.audiences), "."]),
} if {
	not allowed
}
