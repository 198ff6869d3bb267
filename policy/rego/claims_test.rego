package symbolon.claims_test

import data.symbolon.claims

good := {
	"now": 100,
	"intent": {"kind": "token", "sub": "ci", "scope": ["read:logs"], "iat": 100},
	"principal": {"kind": "service", "id": "ci"},
	"deployment": {},
}

test_sound if {
	claims.sound with input as good
	count(claims.reasons) == 0 with input as good
}

test_every_kind_of_principal if {
	every kind in ["person", "service", "trust"] {
		claims.sound with input as json.patch(good, changed("/principal/kind", kind))
	}
}

test_every_kind_about_secrets if {
	every kind in ["secret.read", "secret.list", "secret.write", "secret.delete", "secret.undelete", "secret.destroy", "secret.meta"] {
		claims.sound with input as json.patch(good, changed("/intent/kind", kind))
	}
	not claims.sound with input as json.patch(good, changed("/intent/kind", "secret.other"))
}

changed(path, value) := [{"op": "replace", "path": path, "value": value}]

test_unsound_is_named if {
	every patch in [
		changed("/intent/kind", "grant"),
		changed("/principal/kind", "bootstrap"),
		changed("/principal/id", "other"),
		changed("/intent/scope", []),
		changed("/now", 101),
		changed("/intent", {}),
		changed("/principal", {}),
	] {
		bad := json.patch(good, patch)
		not claims.sound with input as bad
		claims.reasons[_].code == "policy_denied" with input as bad
	}
}

test_nothing_is_unsound if {
	not claims.sound with input as {}
	claims.reasons[_].rule == "symbolon.claims" with input as {}
}
