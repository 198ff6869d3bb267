package symbolon.deny_test

import data.symbolon.deny

empty := {"principals": [], "roles": [], "groups": [], "clients": [], "scopes": [], "audiences": [], "addresses": []}

asked := {
	"intent": {"client": "cli", "scope": ["read:logs", "write:prod"], "aud": "https://a"},
	"principal": {"id": "ci", "roles": ["engineer", "sre"], "groups": ["ops"], "owner": "ann"},
	"asserted": {"address": "192.0.2.1"},
}

naming(list, name) := object.union(empty, {list: [name]})

test_clear if {
	deny.clear with input as asked with data.deny as empty
	count(deny.reasons) == 0 with input as asked with data.deny as empty
}

test_each_list_hits if {
	some_hits := {
		["principals", "ci", "principal"],
		["principals", "ann", "owner"],
		["roles", "sre", "role"],
		["groups", "ops", "group"],
		["clients", "cli", "client"],
		["scopes", "write:prod", "scope"],
		["audiences", "https://a", "audience"],
		["addresses", "192.0.2.1", "address"],
	}
	every hit in some_hits {
		[list, name, what] := hit
		not deny.clear with input as asked with data.deny as naming(list, name)
		hits := deny.hits with input as asked with data.deny as naming(list, name)
		hits == {[what, name]}
	}
}

test_people_are_named_as_principals if {
	person := {"intent": asked.intent, "principal": {"id": "ann", "roles": [], "groups": []}, "asserted": {}}
	hits := deny.hits with input as person with data.deny as naming("principals", "ann")
	hits == {["principal", "ann"]}
}

test_reason if {
	reasons := deny.reasons with input as asked with data.deny as naming("principals", "ann")
	reasons == {{
		"code": "policy_denied",
		"rule": "symbolon.deny",
		"message": "The emergency deny list names this owner.",
		"fact": "owner: ann",
		"remedy": "A guardian must take it off the list.",
	}}
}

test_one_reason_for_each_kind if {
	reasons := deny.reasons with input as asked with data.deny as object.union(empty, {"roles": ["engineer", "sre"], "groups": ["ops"]})
	{reason.fact | some reason in reasons} == {"role: engineer, sre", "group: ops"}
}

test_others_are_clear if {
	every list in object.keys(empty) {
		deny.clear with input as asked with data.deny as naming(list, "other")
	}
}

# Z-3: a secret on the list is refused for every question about it.
test_secrets if {
	paths := object.union(asked, {"intent": {"paths": ["app/db", "app/prod/db"]}})
	reasons := deny.reasons with input as paths with data.deny as naming("secrets", "app/prod/**")
	reasons == {{
		"code": "policy_denied",
		"rule": "symbolon.deny",
		"message": "The emergency deny list names this secret.",
		"fact": "app/prod/db",
		"remedy": "A guardian must take it off the list.",
	}}
	not deny.clear with input as paths with data.deny as naming("secrets", "app/prod/**")
	deny.names_clear with input as paths with data.deny as naming("secrets", "app/prod/**")
	deny.clear with input as paths with data.deny as naming("secrets", "ops/**")
	deny.clear with input as asked with data.deny as naming("secrets", "**")
}

test_folders if {
	folder := object.union(asked, {"intent": {"prefix": "app/prod"}})
	not deny.clear with input as folder with data.deny as naming("secrets", "app/**")
	deny.clear with input as folder with data.deny as naming("secrets", "app/prod/db")
}

# U-5: a list that was not loaded is not an empty list.
test_missing_list_is_not_clear if not deny.clear with input as asked
