# The emergency list: whatever it names is refused, whatever else allows it. Compared as values, never as patterns.
package symbolon.deny

import data.symbolon.secrets
import data.symbolon.text

hits contains ["principal", input.principal.id] if input.principal.id in data.deny.principals

# Naming a person stops what that person owns, too.
hits contains ["owner", input.principal.owner] if input.principal.owner in data.deny.principals

hits contains ["role", role] if {
	some role in input.principal.roles
	role in data.deny.roles
}

hits contains ["group", group] if {
	some group in input.principal.groups
	group in data.deny.groups
}

hits contains ["client", input.intent.client] if input.intent.client in data.deny.clients

hits contains ["scope", wanted] if {
	some wanted in input.intent.scope
	wanted in data.deny.scopes
}

hits contains ["audience", input.intent.aud] if input.intent.aud in data.deny.audiences

hits contains ["address", input.asserted.address] if input.asserted.address in data.deny.addresses

secret_hits contains path if {
	some path in input.intent.paths
	secrets.denied(split(path, "/"))
}

secret_hits contains input.intent.prefix if secrets.closed(input.intent.prefix)

# Absent data must not read as an empty list.
names_clear if {
	is_object(data.deny)
	count(hits) == 0
}

clear if {
	names_clear
	count(secret_hits) == 0
}

reasons contains {
	"code": "policy_denied",
	"rule": "symbolon.deny",
	"message": "The emergency deny list names this secret.",
	"fact": text.list([path]),
	"remedy": "A guardian must take it off the list.",
} if {
	some path in secret_hits
}

# One reason for each kind of name, however many are on the list.
reasons contains {
	"code": "policy_denied",
	"rule": "symbolon.deny",
	"message": text.sentence(["The emergency deny list names this ", what, "."]),
	"fact": text.sentence([what, ": ", text.list([name | some [kind, name] in hits; kind == what])]),
	"remedy": "A guardian must take it off the list.",
} if {
	some what in {kind | some [kind, _] in hits}
}
