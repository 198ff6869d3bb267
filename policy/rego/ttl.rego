# Lifetime: the shortest of what the scopes asked for may be had for, and of the deployment's own maximum.
package symbolon.ttl

import data.symbolon.scope
import data.symbolon.text

maximum := min([input.deployment.max_ttl, min([seconds | some seconds in scope.longest])]) if scope.allowed

# Asking for no lifetime takes the smaller of default and maximum, which code applies.
allowed if {
	maximum > 0
	not too_long
}

too_long if input.intent.ttl > maximum

reasons contains {
	"code": "ttl_too_long",
	"rule": "symbolon.ttl",
	"message": text.sentence(["These scopes may be had for ", text.seconds(maximum), " at most."]),
	"fact": text.sentence(["asked for ", text.seconds(input.intent.ttl)]),
	"remedy": text.sentence(["Ask for ", text.seconds(maximum), " or less, or leave the lifetime out."]),
} if {
	too_long
}
