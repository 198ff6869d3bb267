# Which secrets a role reaches, and what it may do with them. Paths and patterns are compared segment by segment, so nothing ever
# matches across a slash: `*` is exactly one segment, `**`, only at the end, one or more.
package symbolon.secrets

import data.symbolon.roles
import data.symbolon.text

kinds := {"secret.read", "secret.list", "secret.write", "secret.delete", "secret.undelete", "secret.destroy", "secret.meta"}

rules := [{"role": name, "pattern": split(rule.path, "/"), "actions": rule.actions, "touch": object.get(rule, "touch", false)} |
	some name, role in roles.usable
	some rule in role.secrets
]

# A question about tokens names no secret.
allowed if input.intent.kind == "token"

# All of a batch, or nothing.
allowed if {
	input.intent.kind in kinds
	not input.intent.prefix
	count(input.intent.paths) > 0
	every path in input.intent.paths {
		count(givers(path)) > 0
	}
}

allowed if {
	input.intent.kind == "secret.list"
	not input.intent.paths
	reachable(input.intent.prefix)
}

# Roles that give what is asked for on this path. Whoever may do anything with a secret may see its record by its name.
givers(path) := {rule.role |
	segments := split(path, "/")
	some rule in rules
	suffices(rule)
	matches(rule.pattern, segments)
}

suffices(rule) if input.intent.action in rule.actions

suffices(rule) if {
	input.intent.kind == "secret.list"
	count(rule.actions) > 0
}

# Listing below a prefix: some rule could match there. What is then shown is asked about row by row.
reachable(prefix) if {
	segments := split(prefix, "/")
	some rule in rules
	input.intent.action in rule.actions
	could_match(rule.pattern, segments)
}

# Of the rows asked about, those that may be shown, by their place.
shown := [at |
	some at, path in input.intent.paths
	segments := split(path, "/")
	not denied(segments)
	given(segments)
]

given(segments) if {
	some rule in rules
	input.intent.action in rule.actions
	matches(rule.pattern, segments)
}

denials := [split(pattern, "/") | some pattern in data.deny.secrets]

denied(segments) if {
	some pattern in denials
	matches(pattern, segments)
}

# All that lies below a prefix.
closed(prefix) if {
	segments := split(prefix, "/")
	some pattern in denials
	pattern[count(pattern) - 1] == "**"
	count(segments) >= count(pattern) - 1
	begins(array.slice(pattern, 0, count(pattern) - 1), segments)
}

matches(pattern, segments) if {
	pattern[count(pattern) - 1] != "**"
	count(pattern) == count(segments)
	begins(pattern, segments)
}

matches(pattern, segments) if {
	pattern[count(pattern) - 1] == "**"
	count(segments) >= count(pattern)
	begins(array.slice(pattern, 0, count(pattern) - 1), segments)
}

could_match(pattern, segments) if {
	pattern[count(pattern) - 1] == "**"
	head := array.slice(pattern, 0, count(pattern) - 1)
	begins(array.slice(head, 0, count(segments)), segments)
}

could_match(pattern, segments) if {
	pattern[count(pattern) - 1] != "**"
	count(pattern) > count(segments)
	begins(array.slice(pattern, 0, count(segments)), segments)
}

begins(head, segments) if {
	every at, wanted in head {
		fits(wanted, segments[at])
	}
}

fits(wanted, _) if wanted == "*"

fits(wanted, found) if wanted == found

# A rule that asks for a touch asks for it on every path that it matches, whatever other rules give. Listing shows no value: it needs none.
default touch := false

touch if {
	input.intent.kind != "secret.list"
	some path in input.intent.paths
	segments := split(path, "/")
	some rule in rules
	rule.touch == true
	suffices(rule)
	matches(rule.pattern, segments)
}

grants contains {
	"code": "granted",
	"rule": "symbolon.secrets",
	"message": text.sentence([input.intent.action, " is allowed here, by role: ", text.list([name | some name in givers(path)]), "."]),
	"fact": text.list([path]),
} if {
	some path in input.intent.paths
}

reasons contains {
	"code": "policy_denied",
	"rule": "symbolon.secrets",
	"message": text.sentence(["None of the roles that may be used gives ", input.intent.action, " on this secret."]),
	"fact": text.list([path]),
	"remedy": holders(split(path, "/")),
} if {
	some path in input.intent.paths
	count(givers(path)) == 0
}

reasons contains {
	"code": "policy_denied",
	"rule": "symbolon.secrets",
	"message": text.sentence(["None of the roles that may be used gives ", input.intent.action, " below this."]),
	"fact": text.list([input.intent.prefix]),
	"remedy": "Ask for a folder that one of your roles reaches, or ask a guardian for a rule.",
} if {
	not reachable(input.intent.prefix)
}

# Roles that have a rule for it, whoever holds them.
holders(segments) := text.sentence(["A role that does: ", text.list(offers), "."]) if {
	offers := [name | some name, role in data.roles; offered(role, segments)]
	count(offers) > 0
} else := "No role does; a guardian must add a rule to one."

offered(role, segments) if {
	some rule in role.secrets
	input.intent.action in rule.actions
	matches(split(rule.path, "/"), segments)
}
