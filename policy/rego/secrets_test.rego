package symbolon.secrets_test

import data.symbolon.secrets

table := {
	"engineer": {"allow_scopes": ["secret:read"], "max_ttl_seconds": 60, "secrets": [
		{"path": "app/**", "actions": ["read", "list"]},
		{"path": "app/prod/**", "actions": ["read"], "touch": true},
		{"path": "app/*/db", "actions": ["write"]},
	]},
	"auditor": {"allow_scopes": ["secret:list"], "max_ttl_seconds": 60, "secrets": [{"path": "**", "actions": ["list"]}]},
	"narrow": {"allow_scopes": ["secret:read"], "max_ttl_seconds": 60, "audiences": ["https://b"], "secrets": [{"path": "ops/**", "actions": ["read"]}]},
	"plain": {"allow_scopes": ["read:logs"], "max_ttl_seconds": 60},
}

asking(roles, intent) := {"intent": object.union({"aud": "https://mint"}, intent), "principal": {"id": "ci", "roles": roles}}

about(action, paths) := {"kind": concat(".", ["secret", action]), "action": action, "paths": paths}

under(prefix) := {"kind": "secret.list", "action": "list", "prefix": prefix}

allowed(roles, intent) if secrets.allowed with input as asking(roles, intent) with data.roles as table with data.deny as {}

reasons(roles, intent) := found if {
	found := secrets.reasons with input as asking(roles, intent) with data.roles as table with data.deny as {}
}

test_tokens_name_no_secret if {
	allowed([], {"kind": "token"})
	not allowed(["engineer"], {"kind": "grant"})
	not allowed(["engineer"], {"kind": "secret.other", "action": "read", "paths": ["app/db"]})
}

test_a_rule_gives_its_actions_on_its_paths if {
	allowed(["engineer"], about("read", ["app/db"]))
	allowed(["plain", "engineer"], about("write", ["app/payments/db"]))
	not allowed(["engineer"], about("delete", ["app/db"]))
	not allowed(["engineer"], about("write", ["app/db"]))
	not allowed(["engineer"], about("read", ["secret/db"]))
	not allowed(["plain"], about("read", ["app/db"]))
	not allowed([], about("read", ["app/db"]))
}

# All of a batch, or nothing.
test_batch if {
	allowed(["engineer"], about("read", ["app/db", "app/x/y"]))
	not allowed(["engineer"], about("read", ["app/db", "secret/db"]))
}

# T-2: no path is not every path.
test_no_paths if {
	not allowed(["auditor"], about("read", []))
	not allowed(["auditor"], about("list", []))
	not allowed(["auditor"], {"kind": "secret.list", "action": "list"})
	not allowed(["auditor"], {"kind": "secret.read", "action": "read"})
}

# Either a folder or paths, and a folder of a listing only.
test_prefix_and_paths if {
	not allowed(["auditor"], object.union(under("app"), {"paths": ["app/db"]}))
	not allowed(["engineer"], {"kind": "secret.read", "action": "read", "prefix": "app"})
	not allowed(["engineer"], {"kind": "secret.read", "action": "read", "prefix": "app", "paths": ["app/db"]})
}

# Z-2: what looks like a pattern in a path is a name; a star is one segment.
test_patterns_are_anchored if {
	every path in ["app", "ap/db", "apps/db", "App/db", "x/app/db", "*", "**"] {
		not allowed(["engineer"], about("read", [path]))
	}
	every path in ["app/db", "app/x/y/db", "app/db/x", "app/*", "app/x/dbs"] {
		not allowed(["engineer"], about("write", [path]))
	}
}

test_a_role_that_is_narrowed_to_other_audiences if not allowed(["narrow"], about("read", ["ops/db"]))

# Whoever may do anything with a secret may see its record by its name.
test_records_by_name if {
	allowed(["engineer"], about("list", ["app/payments/db"]))
	allowed(["engineer"], about("list", ["app/prod/x"]))
	not allowed(["engineer"], about("list", ["secret/db"]))
}

test_listing_needs_a_rule_that_could_match if {
	every prefix in ["app", "app/x", "app/x/y/z"] {
		allowed(["engineer"], under(prefix))
	}
	allowed(["auditor"], under("anything"))
	not allowed(["engineer"], under("secret"))
	not allowed(["engineer"], under("ap"))
	not allowed(["plain"], under("app"))
}

starred := {"one": {"allow_scopes": ["secret:list"], "max_ttl_seconds": 60, "secrets": [{"path": "app/*/db", "actions": ["list"]}]}}

test_listing_above_and_below_a_star if {
	every prefix in ["app", "app/x"] {
		secrets.allowed with input as asking(["one"], under(prefix)) with data.roles as starred
	}
	every prefix in ["app/x/db", "app/x/y", "secret"] {
		not secrets.allowed with input as asking(["one"], under(prefix)) with data.roles as starred
	}
}

shown(roles, paths, action, deny) := found if {
	found := secrets.shown with input as asking(roles, {"kind": "secret.list", "action": action, "paths": paths}) with data.roles as table with data.deny as deny
}

# Z-5: rows one by one, by the action itself.
test_rows if {
	paths := ["app/db", "secret/db", "app/prod/db"]
	shown(["engineer"], paths, "list", {}) == [0, 2]
	shown(["engineer"], paths, "write", {}) == [2]
	shown(["auditor"], paths, "list", {}) == [0, 1, 2]
	shown(["plain"], paths, "list", {}) == []
	shown(["engineer"], [], "list", {}) == []
}

# Z-3
test_rows_that_are_denied if {
	shown(["auditor"], ["app/db", "secret/db", "app/prod/db"], "list", {"secrets": ["app/prod/**", "secret/*"]}) == [0]
}

closed(prefix) if secrets.closed(prefix) with data.deny as {"secrets": ["app/prod/**", "ops/*", "x/*/**"]}

test_folders_that_are_denied_as_a_whole if {
	every prefix in ["app/prod", "app/prod/x", "x/y", "x/y/z"] {
		closed(prefix)
	}
	every prefix in ["app", "app/dev", "ops", "ops/db", "x", "other"] {
		not closed(prefix)
	}
}

touched(roles, intent) if secrets.touch with input as asking(roles, intent) with data.roles as table

test_a_rule_with_touch_asks_whatever_others_give if {
	touched(["engineer"], about("read", ["app/db", "app/prod/db"]))
	not touched(["engineer"], about("read", ["app/db"]))
	not touched(["engineer"], about("write", ["app/prod/db"]))
	not touched(["auditor"], about("read", ["app/prod/db"]))
}

test_a_listing_needs_no_touch if {
	not touched(["engineer"], about("list", ["app/prod/db"]))
	not touched(["engineer"], under("app/prod"))
}

test_reasons if {
	reasons(["engineer"], about("read", ["app/db", "secret/db"])) == {{
		"code": "policy_denied",
		"rule": "symbolon.secrets",
		"message": "None of the roles that may be used gives read on this secret.",
		"fact": "secret/db",
		"remedy": "No role does; a guardian must add a rule to one.",
	}}
	{reason.remedy | some reason in reasons(["plain"], about("read", ["app/db"]))} == {"A role that does: engineer."}
	{reason.fact | some reason in reasons(["plain"], under("app"))} == {"app"}
	reasons(["engineer"], under("app")) == set()
}

# A reason that is too long would make the decision none at all.
test_long_paths_are_cut if {
	long := concat("/", array.concat(["x"], [segment | some _ in numbers.range(1, 8); segment := concat("", ["y" | some _ in numbers.range(1, 60)])]))
	every reason in reasons(["engineer"], about("read", [long])) {
		count(reason.fact) < 500
	}
}

test_grants_name_the_role if {
	grants := secrets.grants with input as asking(["engineer", "auditor"], about("read", ["app/db"])) with data.roles as table
	grants == {{"code": "granted", "rule": "symbolon.secrets", "message": "read is allowed here, by role: engineer.", "fact": "app/db"}}
}
