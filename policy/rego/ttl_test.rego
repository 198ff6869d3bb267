package symbolon.ttl_test

import data.symbolon.ttl

table := {
	"engineer": {"allow_scopes": ["read:logs", "write:staging"], "max_ttl_seconds": 3600},
	"sre": {"allow_scopes": ["read:logs", "write:prod"], "max_ttl_seconds": 1800},
}

asked(wanted, cap) := {
	"intent": {"aud": "https://a", "scope": wanted},
	"principal": {"id": "ci", "roles": ["engineer", "sre"]},
	"deployment": {"scopes": ["read:logs", "write:staging", "write:prod"], "max_ttl": cap},
}

for(seconds, wanted) := object.union(asked(wanted, 86400), {"intent": {"ttl": seconds}})

test_longest_role_wins_for_one_scope if ttl.maximum == 3600 with input as asked(["read:logs"], 86400) with data.roles as table

test_shortest_scope_wins if ttl.maximum == 1800 with input as asked(["read:logs", "write:prod"], 86400) with data.roles as table

test_deployment_caps if ttl.maximum == 60 with input as asked(["read:logs"], 60) with data.roles as table

test_no_maximum_for_what_is_not_allowed if {
	not ttl.maximum with input as asked(["read:logs", "nope"], 60) with data.roles as table
	not ttl.allowed with input as asked(["read:logs", "nope"], 60) with data.roles as table
}

# Without the deployment's own cap there is no maximum at all.
test_missing_cap_is_not_unlimited if {
	capless := json.remove(asked(["read:logs"], 60), ["deployment/max_ttl"])
	not ttl.allowed with input as capless with data.roles as table
}

test_no_ttl_is_allowed if ttl.allowed with input as asked(["read:logs"], 60) with data.roles as table

test_maximum_is_allowed if {
	ttl.allowed with input as for(1800, ["write:prod"]) with data.roles as table
	count(ttl.reasons) == 0 with input as for(1800, ["write:prod"]) with data.roles as table
}

test_longer_is_refused_never_cut if {
	not ttl.allowed with input as for(1801, ["write:prod"]) with data.roles as table
	reasons := ttl.reasons with input as for(1801, ["write:prod"]) with data.roles as table
	reasons == {{
		"code": "ttl_too_long",
		"rule": "symbolon.ttl",
		"message": "These scopes may be had for 1800 s at most.",
		"fact": "asked for 1801 s",
		"remedy": "Ask for 1800 s or less, or leave the lifetime out.",
	}}
}

# In Rego a text is greater than any number: it must not read as a short lifetime.
test_text_is_refused if not ttl.allowed with input as for("1", ["write:prod"]) with data.roles as table
