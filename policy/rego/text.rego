# Words for reasons. No formatting built-in is allowed in the bundle, so sentences are joined from bounded parts.
package symbolon.text

limit := 300

# Names joined by commas, cut where a sentence would become unreadable.
list([]) := "none"

list(names) := joined if {
	count(names) > 0
	joined := concat(", ", names)
	count(joined) <= limit
}

list(names) := cut if {
	joined := concat(", ", names)
	count(joined) > limit
	cut := concat("", [substring(joined, 0, limit), "..."])
}

sentence(parts) := concat("", parts)

seconds(number) := concat(" ", [format_int(number, 10), "s"])
