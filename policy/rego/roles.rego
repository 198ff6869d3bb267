# What the principal's roles give. Roles are compared by id and count only if the policy data has them.
package symbolon.roles

known[name] := role if {
	some name in input.principal.roles
	role := data.roles[name]
}

# A role with `audiences` is worth something there only. A role without them is not narrowed further than the roster's own
# list, which symbolon.audience checks in every case.
usable[name] := role if {
	some name, role in known
	not closed(role)
}

closed(role) if {
	role.audiences
	not input.intent.aud in role.audiences
}

# For reasons: a role that the policy does not know is most likely misspelt.
described := [description(name) | some name in input.principal.roles]

description(name) := name if {
	known[name]
} else := concat(" ", [name, "(unknown to the policy)"])
