# A policy that answers as the data's role names tell it to, mostly wrongly. It is compiled for tests only.
package symbolon

good := {
	"allow": true,
	"scope": input.intent.scope,
	"max_ttl": 3600,
	"approvals": [],
	"touch": false,
	"obligations": [],
	"reasons": [],
}

told(what) if data.roles[what]

changed(change) := object.union(good, change)

decision := good if told("well")

# No rule for "undefined".

decision if told("just-true")

decision := [good] if told("list")

decision := null if told("null")

decision := changed({"allow": "true"}) if told("allow-text")

decision := changed({"allow": 1}) if told("allow-number")

decision := object.remove(good, ["allow"]) if told("allow-missing")

decision := object.remove(good, ["touch"]) if told("touch-missing")

decision := changed({"admin": true}) if told("field-too-many")

decision := changed({"max_ttl": -1}) if told("ttl-negative")

decision := changed({"max_ttl": 1.5}) if told("ttl-fraction")

decision := changed({"max_ttl": "3600"}) if told("ttl-text")

decision := changed({"approvals": [{"group": "ops", "count": 0}]}) if told("approvals-none")

decision := changed({"max_ttl": 0}) if told("ttl-zero")

decision := changed({"scope": []}) if told("scope-less")

decision := changed({"scope": ["read:logs", "write:prod"]}) if told("scope-more")

decision := changed({"scope": ["write:prod"]}) if told("scope-other")

decision := changed({"max_ttl": 86400}) if told("ttl-more")

decision := {"allow": false, "scope": [], "max_ttl": 0, "approvals": [], "touch": false, "obligations": [], "reasons": []} if told("deny-silent")

decision := changed({"allow": false, "reasons": [{"code": "made_up", "message": "Because."}]}) if told("deny-made-up")

# Two answers at once are an error.
decision := good if told("conflict")

decision := changed({"max_ttl": 60}) if told("conflict")

# Reads what only the api asserts, where a policy should not.
decision := changed({"max_ttl": 60}) if {
	told("asserted")
	input.asserted.address
}

decision := good if {
	told("asserted")
	not input.asserted.address
}

# Needs more memory than one evaluation may have.
hog := changed({"obligations": [letters | some _ in numbers.range(1, 100000); letters := concat("", ["x" | some _ in numbers.range(1, 1000)])]})

decision := hog if told("memory")

# Does so for some questions only.
decision := hog if {
	told("sometimes")
	input.intent.reason == "hog"
}

decision := good if {
	told("sometimes")
	not input.intent.reason
}

# Does not come to an end in any time that somebody would wait.
decision := changed({"obligations": [a | some a in many; some b in many; some c in many; some d in many; a == input.never; b == c; c == d]}) if told("endless")

many := numbers.range(1, 20000)
