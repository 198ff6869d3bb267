# What a granted question still needs: approvals, and a touch. Rules stand with the scope in the policy data.
package symbolon.approvals

rules contains rule if {
	some wanted in input.intent.scope
	some rule in data.scopes[wanted].approvals
}

groups contains rule.group if some rule in rules

# One rule per group, the strictest.
required := [{"group": group, "count": max([rule.count | some rule in rules; rule.group == group])} | some group in groups]

default touch := false

touch if {
	some wanted in input.intent.scope
	data.scopes[wanted].touch == true
}
