package symbolon.audience_test

import data.symbolon.audience

asked(aud) := {"intent": {"aud": aud}, "deployment": {"audiences": ["https://a", "https://b"]}}

test_listed if {
	audience.allowed with input as asked("https://b")
	count(audience.reasons) == 0 with input as asked("https://b")
}

test_not_listed if {
	not audience.allowed with input as asked("https://c")
	reasons := audience.reasons with input as asked("https://c")
	reasons == {{
		"code": "audience_not_allowed",
		"rule": "symbolon.audience",
		"message": "The roster does not list this audience.",
		"fact": "asked for https://c",
		"remedy": "Ask for one of: https://a, https://b.",
	}}
}

# Z-1
test_spelling_is_exact if {
	every aud in ["https://a/", "HTTPS://a", "https://a.", "https://", "https://a, https://b"] {
		not audience.allowed with input as asked(aud)
	}
}

# T-2
test_no_list_is_not_all if not audience.allowed with input as {"intent": {"aud": "https://a"}, "deployment": {"audiences": []}}

test_missing_list_is_not_all if not audience.allowed with input as {"intent": {"aud": "https://a"}}
