package symbolon_test

table := {
	"engineer": {"allow_scopes": ["read:logs", "write:staging"], "max_ttl_seconds": 3600},
	"sre": {"allow_scopes": ["read:logs", "write:prod"], "max_ttl_seconds": 1800},
}

no_deny := {"principals": [], "roles": [], "groups": [], "clients": [], "scopes": [], "audiences": [], "addresses": []}

asked := {
	"now": 100,
	"intent": {"kind": "token", "iat": 100, "sub": "ci", "client": "ci", "aud": "https://a", "scope": ["read:logs"]},
	"principal": {"id": "ci", "kind": "service", "roles": ["engineer"], "groups": [], "claims": {}},
	"evidence": {"kind": "key", "age": 0},
	"approvals": [],
	"asserted": {},
	"deployment": {"scopes": ["read:logs", "write:staging", "write:prod"], "audiences": ["https://a"], "default_ttl": 900, "max_ttl": 3600},
}

decided(question) := decision if {
	decision := data.symbolon.decision with input as question
		with data.roles as table
		with data.scopes as {"write:prod": {"touch": true, "approvals": [{"group": "ops", "count": 2}]}}
		with data.deny as no_deny
}

changed(path, value) := json.patch(asked, [{"op": "add", "path": path, "value": value}])

test_allow if decided(asked) == {
	"allow": true,
	"scope": ["read:logs"],
	"max_ttl": 3600,
	"approvals": [],
	"touch": false,
	"obligations": [],
	"reasons": [{
		"code": "granted",
		"rule": "symbolon.scope",
		"message": "read:logs may be had for 3600 s at most.",
		"fact": "by role: engineer",
	}],
}

test_approvals_and_touch_are_carried if {
	prod := json.patch(asked, [
		{"op": "replace", "path": "/intent/scope", "value": ["write:prod"]},
		{"op": "replace", "path": "/principal/roles", "value": ["sre"]},
	])
	decision := decided(prod)
	decision.allow
	decision.max_ttl == 1800
	decision.touch
	decision.approvals == [{"group": "ops", "count": 2}]
}

test_denial_gives_nothing if {
	decision := decided(changed("/intent/scope", ["write:prod"]))
	json.remove(decision, ["reasons"]) == {"allow": false, "scope": [], "max_ttl": 0, "approvals": [], "touch": false, "obligations": []}
	[reason] := decision.reasons
	reason.code == "scope_not_allowed"
}

# Each module by itself can turn the answer.
test_every_module_can_refuse if {
	cases := {
		["/intent/kind", "grant", "symbolon.claims"],
		["/intent/aud", "https://b", "symbolon.audience"],
		["/intent/scope", ["write:prod"], "symbolon.scope"],
		["/intent/ttl", 3601, "symbolon.ttl"],
	}
	every case in cases {
		[path, value, rule] := case
		decision := decided(changed(path, value))
		not decision.allow
		{reason.rule | some reason in decision.reasons} == {rule}
	}
}

test_every_reason_is_told if {
	worse := json.patch(asked, [
		{"op": "replace", "path": "/intent/aud", "value": "https://b"},
		{"op": "replace", "path": "/intent/scope", "value": ["nope", "write:prod"]},
	])
	rules := [reason.rule | some reason in decided(worse).reasons]
	rules == ["symbolon.audience", "symbolon.scope", "symbolon.scope"]
}

# Z-3: deny beats allow.
test_deny_beats_allow if {
	decision := data.symbolon.decision with input as asked
		with data.roles as table
		with data.scopes as {}
		with data.deny as object.union(no_deny, {"roles": ["engineer"]})
	not decision.allow
	decision.max_ttl == 0
	[reason] := decision.reasons
	reason.rule == "symbolon.deny"
}

# P-1, U-5: what is missing never allows; where no module has a word for it, the default denies.
test_missing_data_denies if {
	decision := data.symbolon.decision with input as asked with data.roles as table with data.scopes as {}
	not decision.allow
	[reason] := decision.reasons
	reason.rule == "symbolon.decision"
}

test_missing_input_denies if {
	every question in [{}, [], "x", null, {"intent": null}] {
		not decided(question).allow
		count(decided(question).reasons) > 0
	}
}

test_every_missing_fact_denies if {
	every path in ["now", "intent", "principal", "deployment", "intent/scope", "intent/aud", "intent/kind", "principal/roles", "principal/id", "deployment/scopes", "deployment/audiences", "deployment/max_ttl"] {
		not decided(json.remove(asked, [path])).allow
	}
}

secret_table := {
	"engineer": {"allow_scopes": ["secret:read", "secret:list"], "max_ttl_seconds": 3600, "secrets": [
		{"path": "app/**", "actions": ["read", "list"]},
		{"path": "app/prod/**", "actions": ["read"], "touch": true},
	]},
	"reader": {"allow_scopes": ["secret:read"], "max_ttl_seconds": 60},
}

asking(kind, scope, more) := object.union(asked, {
	"intent": object.union({"kind": kind, "aud": "https://mint", "scope": [scope], "ttl": null}, more),
	"deployment": {"scopes": ["secret:read", "secret:list"], "audiences": ["https://mint"], "default_ttl": 900, "max_ttl": 3600},
})

secret_decided(question, deny) := decision if {
	decision := data.symbolon.decision with input as json.remove(question, ["intent/ttl"])
		with data.roles as secret_table
		with data.scopes as {"secret:list": {"touch": true}}
		with data.deny as deny
}

reading(paths) := asking("secret.read", "secret:read", {"action": "read", "paths": paths})

test_a_secret_needs_scope_and_rule if {
	yes := secret_decided(reading(["app/db"]), no_deny)
	yes.allow
	not yes.touch
	yes.scope == ["secret:read"]
	{reason.rule | some reason in yes.reasons} == {"symbolon.scope", "symbolon.secrets"}
	no_rule := secret_decided(reading(["secret/db"]), no_deny)
	[reason.rule | some reason in no_rule.reasons] == ["symbolon.secrets"]
	no_scope := secret_decided(json.patch(reading(["app/db"]), [{"op": "replace", "path": "/principal/roles", "value": ["reader"]}]), no_deny)
	[reason.rule | some reason in no_scope.reasons] == ["symbolon.secrets"]
	elsewhere := secret_decided(json.patch(reading(["app/db"]), [{"op": "replace", "path": "/intent/aud", "value": "https://a"}]), no_deny)
	[reason.rule | some reason in elsewhere.reasons] == ["symbolon.audience"]
}

test_a_touch_by_rule_or_by_scope if {
	secret_decided(reading(["app/prod/db"]), no_deny).touch
	secret_decided(asking("secret.list", "secret:list", {"action": "list", "prefix": "app"}), no_deny).touch
}

rows(question, deny) := found if {
	found := data.symbolon.listable with input as json.remove(question, ["intent/ttl"]) with data.roles as secret_table with data.scopes as {} with data.deny as deny
}

listing(paths) := asking("secret.list", "secret:list", {"action": "list", "paths": paths})

test_rows_of_a_listing if {
	rows(listing(["app/db", "secret/db", "app/x/y"]), no_deny) == [0, 2]
	rows(listing(["app/db", "secret/db", "app/x/y"]), object.union(no_deny, {"secrets": ["app/db"]})) == [2]
	rows(listing(["app/db"]), object.union(no_deny, {"principals": ["ci"]})) == []
	rows(reading(["app/db"]), no_deny) == []
	rows({}, no_deny) == []
}
