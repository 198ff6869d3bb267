package symbolon.roles_test

import data.symbolon.roles

table := {
	"anywhere": {"allow_scopes": ["a"], "max_ttl_seconds": 1},
	"narrow": {"allow_scopes": ["a"], "max_ttl_seconds": 1, "audiences": ["https://a"]},
	"nowhere": {"allow_scopes": ["a"], "max_ttl_seconds": 1, "audiences": []},
}

asked(held, aud) := {"intent": {"aud": aud}, "principal": {"roles": held}}

every_role := ["anywhere", "narrow", "nowhere", "unknown"]

test_known if object.keys(roles.known) == {"anywhere", "narrow", "nowhere"} with input as asked(every_role, "https://a") with data.roles as table

test_usable_for_its_audience if object.keys(roles.usable) == {"anywhere", "narrow"} with input as asked(every_role, "https://a") with data.roles as table

# T-2: an empty list is not "all".
test_usable_elsewhere if object.keys(roles.usable) == {"anywhere"} with input as asked(every_role, "https://b") with data.roles as table

test_no_roles if {
	count(roles.usable) == 0 with input as asked([], "https://a") with data.roles as table
	count(roles.usable) == 0 with input as {} with data.roles as table
}

# Z-1: a role of another spelling is another role.
test_names_are_exact if {
	every name in ["Anywhere", "anywhere ", "any*", "anywhere/", ""] {
		count(roles.usable) == 0 with input as asked([name], "https://a") with data.roles as table
	}
}

test_described if roles.described == ["narrow", "unknown (unknown to the policy)"] with input as asked(["narrow", "unknown"], "https://a") with data.roles as table
