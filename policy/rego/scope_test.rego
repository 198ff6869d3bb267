package symbolon.scope_test

import data.symbolon.scope

table := {
	"engineer": {"allow_scopes": ["read:logs", "write:staging"], "max_ttl_seconds": 3600},
	"sre": {"allow_scopes": ["read:logs", "write:prod"], "max_ttl_seconds": 1800},
	"narrow": {"allow_scopes": ["deploy:canary"], "max_ttl_seconds": 60, "audiences": ["https://b"]},
}

asked(held, wanted) := {
	"intent": {"aud": "https://a", "scope": wanted},
	"principal": {"id": "ci", "roles": held},
	"deployment": {"scopes": ["read:logs", "write:staging", "write:prod", "deploy:canary", "orphan"]},
}

test_allowed if scope.allowed with input as asked(["engineer"], ["read:logs", "write:staging"]) with data.roles as table

test_longest_of_several_roles if {
	longest := scope.longest with input as asked(["engineer", "sre"], ["read:logs", "write:prod"]) with data.roles as table
	longest == {"read:logs": 3600, "write:prod": 1800}
}

test_grants_name_the_role if {
	grants := scope.grants with input as asked(["engineer", "sre"], ["read:logs"]) with data.roles as table
	grants == {{
		"code": "granted",
		"rule": "symbolon.scope",
		"message": "read:logs may be had for 3600 s at most.",
		"fact": "by role: engineer, sre",
	}}
}

test_all_or_nothing if {
	mixed := asked(["engineer"], ["read:logs", "write:prod"])
	not scope.allowed with input as mixed with data.roles as table
	reasons := scope.reasons with input as mixed with data.roles as table
	reasons == {{
		"code": "scope_not_allowed",
		"rule": "symbolon.scope",
		"message": "None of the roles of ci has write:prod.",
		"fact": "roles: engineer",
		"remedy": "A role that has it: sre (1800 s).",
	}}
}

# T-2
test_empty_scope_is_not_allowed if {
	not scope.allowed with input as asked(["engineer"], []) with data.roles as table
	not scope.allowed with input as {} with data.roles as table
}

test_no_holder if {
	reasons := scope.reasons with input as asked([], ["orphan"]) with data.roles as table
	[reason] := [reason | some reason in reasons]
	reason.remedy == "No role has it; a guardian must add it to one."
	reason.fact == "roles: none"
}

test_unknown_to_the_deployment if {
	wider := object.union(table, {"root": {"allow_scopes": ["write:all"], "max_ttl_seconds": 60}})
	not scope.allowed with input as asked(["root"], ["write:all"]) with data.roles as wider
	reasons := scope.reasons with input as asked(["root"], ["write:all"]) with data.roles as wider
	[reason] := [reason | some reason in reasons]
	reason.message == "The deployment has no scope write:all."
	reason.remedy == "Ask for one of: read:logs, write:staging, write:prod, deploy:canary, orphan."
}

test_narrowed_by_audience if {
	not scope.allowed with input as asked(["narrow"], ["deploy:canary"]) with data.roles as table
	reasons := scope.reasons with input as asked(["narrow"], ["deploy:canary"]) with data.roles as table
	[reason] := [reason | some reason in reasons]
	reason.message == "The roles that have deploy:canary may not be used for this audience."
	reason.fact == "audience: https://a"
	reason.remedy == "Ask for one of their audiences: narrow (https://b)."
}

# Z-1, Z-2: what looks like a pattern is a name like any other.
test_names_are_exact if {
	every wanted in ["read:*", "*", "read:log", "read:logs/", "Read:logs", "read:logs "] {
		not scope.allowed with input as asked(["engineer"], [wanted]) with data.roles as table
	}
	starry := {"star": {"allow_scopes": ["*", "read:*", "**"], "max_ttl_seconds": 60}}
	not scope.allowed with input as asked(["star"], ["read:logs"]) with data.roles as starry
}
