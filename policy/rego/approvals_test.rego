package symbolon.approvals_test

import data.symbolon.approvals

table := {
	"write:prod": {"approvals": [{"group": "ops", "count": 1}, {"group": "leads", "count": 2}]},
	"write:keys": {"approvals": [{"group": "ops", "count": 3}], "touch": true},
	"read:logs": {"touch": true},
}

asked(wanted) := {"intent": {"scope": wanted}}

test_none_required if {
	approvals.required == [] with input as asked(["write:staging"]) with data.scopes as table
	not approvals.touch with input as asked(["write:staging", "write:prod"]) with data.scopes as table
}

test_no_table if {
	approvals.required == [] with input as asked(["write:staging"]) with data.scopes as {}
	approvals.touch == false with input as asked(["write:staging"]) with data.scopes as {}
}

test_required if {
	required := approvals.required with input as asked(["write:prod"]) with data.scopes as table
	required == [{"group": "leads", "count": 2}, {"group": "ops", "count": 1}]
}

# A-7: every rule of every scope holds; of two for one group the stricter.
test_rules_add_up if {
	required := approvals.required with input as asked(["write:keys", "write:prod"]) with data.scopes as table
	required == [{"group": "leads", "count": 2}, {"group": "ops", "count": 3}]
}

test_one_touch_marks_all if {
	approvals.touch with input as asked(["read:logs", "write:staging"]) with data.scopes as table
	approvals.touch with input as asked(["write:keys"]) with data.scopes as table
}
