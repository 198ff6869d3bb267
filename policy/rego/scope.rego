# Scope is all or nothing: each scope asked for must be one of the deployment's and be given by a usable role.
package symbolon.scope

import data.symbolon.roles
import data.symbolon.text

# Seconds for which each scope may be had: the longest that one usable role gives.
longest[wanted] := max(offers) if {
	some wanted in input.intent.scope
	wanted in input.deployment.scopes
	offers := [role.max_ttl_seconds | some role in roles.usable; wanted in role.allow_scopes]
	count(offers) > 0
}

allowed if {
	count(input.intent.scope) > 0
	every wanted in input.intent.scope {
		longest[wanted]
	}
}

# Why it is allowed, for those who ask.
grants contains {
	"code": "granted",
	"rule": "symbolon.scope",
	"message": text.sentence([wanted, " may be had for ", text.seconds(longest[wanted]), " at most."]),
	"fact": text.sentence(["by role: ", text.list([name | some name, role in roles.usable; wanted in role.allow_scopes])]),
} if {
	some wanted in input.intent.scope
}

reasons contains {
	"code": "scope_not_allowed",
	"rule": "symbolon.scope",
	"message": text.sentence(["The deployment has no scope ", wanted, "."]),
	"fact": text.sentence(["asked for ", wanted]),
	"remedy": text.sentence(["Ask for one of: ", text.list(input.deployment.scopes), "."]),
} if {
	some wanted in input.intent.scope
	not wanted in input.deployment.scopes
}

reasons contains {
	"code": "scope_not_allowed",
	"rule": "symbolon.scope",
	"message": text.sentence(["None of the roles of ", input.principal.id, " has ", wanted, "."]),
	"fact": text.sentence(["roles: ", text.list(roles.described)]),
	"remedy": holders(wanted),
} if {
	some wanted in input.intent.scope
	wanted in input.deployment.scopes
	not held(wanted)
}

reasons contains {
	"code": "scope_not_allowed",
	"rule": "symbolon.scope",
	"message": text.sentence(["The roles that have ", wanted, " may not be used for this audience."]),
	"fact": text.sentence(["audience: ", input.intent.aud]),
	"remedy": text.sentence(["Ask for one of their audiences: ", text.list(elsewhere(wanted)), "."]),
} if {
	some wanted in input.intent.scope
	wanted in input.deployment.scopes
	not longest[wanted]
	held(wanted)
}

# Roles of the principal that have a scope, with the audiences that they are narrowed to.
elsewhere(wanted) := [text.sentence([name, " (", text.list(role.audiences), ")"]) |
	some name, role in roles.known
	wanted in role.allow_scopes
]

held(wanted) if {
	some role in roles.known
	wanted in role.allow_scopes
}

# Roles that have a scope, whoever holds them.
holders(wanted) := text.sentence(["A role that has it: ", text.list(offers), "."]) if {
	offers := [text.sentence([name, " (", text.seconds(role.max_ttl_seconds), ")"]) |
		some name, role in data.roles
		wanted in role.allow_scopes
	]
	count(offers) > 0
} else := "No role has it; a guardian must add it to one."
